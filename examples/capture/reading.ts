/** What a reading is made of; capture.py and monitor.c say the same in their languages. */
import { struct } from "coxswain/child";

/** 500 readings a second, each of a time and three axes. */
export const READING = struct({ t: "f64", axis: ["f32", 3] });
