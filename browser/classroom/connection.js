/** A connection to a room, which comes back by itself. */

/** @import { Told } from "../schemas/told" */

const FIRST = 500; // milliseconds until it is tried again; twice as long each time
const LONGEST = 8000;

/** Why there is no coming back: `app/classroom/hall.py`. @type {Record<number, string>} */
const FINAL = {
  4404: "There is no room with this code. Look at the board again.",
  4403: "This room does not let you in.",
  4409: "Your seat is open in another window.",
  4410: "The room is closed.",
};

/**
 * @param {URL} address of the socket
 * @param {() => object} hello what is said first, each time
 * @param {object} hears
 * @param {(told: Told) => void} hears.told
 * @param {(state: "here" | "away") => void} hears.state
 * @param {(reason: string) => void} hears.over it will not come back
 */
export function connect(address, hello, hears) {
  address.protocol = address.protocol.replace("http", "ws");
  let pause = FIRST;
  let left = false;
  /** @type {WebSocket} */
  let socket;
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  open();

  function open() {
    socket = new WebSocket(address);
    socket.onopen = () => {
      socket.send(JSON.stringify(hello()));
    };
    socket.onmessage = ({ data }) => {
      pause = FIRST;
      hears.state("here");
      hears.told(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (left) return;
      if (FINAL[code]) return hears.over(code === 4403 && reason ? reason : FINAL[code]);
      hears.state("away");
      timer = setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(LONGEST, 2 * pause);
    };
  }

  return {
    /** Nothing is kept for later: who is away cannot bet.
     *
     * @param {object} message
     */
    send(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    leave() {
      left = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
