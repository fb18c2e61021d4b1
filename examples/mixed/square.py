"""Squares each number: JSON lines in, plain numbers out."""
import json
import sys

for line in sys.stdin:
    print(json.loads(line)["n"] ** 2)
