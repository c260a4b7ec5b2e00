import { readWindowSize, type WindowSize } from "../../sys/terminal.ts";
import { writeError } from "../output.ts";
import { createBoard } from "./board.ts";
import type { Progress } from "./open-progress.ts";

const REDRAW_MILLISECONDS = 100;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";

/**
 * Redraws the board in place on standard error, ten times a second. Writes to the descriptor itself, since
 * `process.stderr` would leave the caller's terminal non-blocking.
 */
export function openScreen(): Progress {
  const board = createBoard(Date.now());
  let drawnLines = 0;
  const draw = () => {
    const lines = board.lines(Date.now(), windowSize());
    const up = drawnLines > 0 ? `\x1b[${drawnLines}A\r` : "";
    writeError(`${HIDE_CURSOR}${up}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}${SHOW_CURSOR}`);
    drawnLines = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MILLISECONDS);
  return {
    isLive: true,
    onProgress: board.update,
    [Symbol.dispose]() {
      clearInterval(timer);
      draw();
    },
  };
}

function windowSize(): WindowSize {
  const { columns, rows } = readWindowSize(2);
  return { columns: columns || 80, rows: rows || 24 };
}
