"""Squares each number: JSON lines in by the port "numbers", plain numbers out by "squares"."""
import coxswain

squares = coxswain.connect("squares")
for number in coxswain.connect("numbers").ndjson():
    squares.send_line(str(number["n"] ** 2))
