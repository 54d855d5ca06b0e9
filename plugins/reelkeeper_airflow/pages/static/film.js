// Scan and restoration played as films: what is shown of the two is at every moment one and the same frame.
//
// Two players never run in step of themselves. So each frame is taken out of its player as it comes, is kept with its
// number, and is shown only once the other player has come to the same number; the scan's player follows the other,
// which has the sound.
"use strict";
const Films = (() => {
  const KEPT = 4; // frames of a film that wait for the other's
  const FAR_APART = 12; // frames: more than a change of speed makes good within a second
  const WIDEST = 1920; // px of the pictures shown; more is for stills

  class Side {
    constructor(address, { muted, size, canvas, came, failed }) {
      this.player = document.createElement("video");
      Object.assign(this.player, { src: address, muted, preload: "auto", playsInline: true, className: "film", tabIndex: -1 });
      this.player.setAttribute("aria-hidden", "true");
      this.player.disablePictureInPicture = true;
      this.canvas = canvas;
      this.size = size;
      this.came = came;
      this.newest = null;
      this.waiting = new Map();
      this.spare = [];
      this.player.addEventListener("error", () => failed());
      this.listen();
    }
    listen() {
      this.player.requestVideoFrameCallback((_, { mediaTime }) => {
        this.listen();
        this.came(this, mediaTime);
      });
    }
    /** Take the frame out of the player before it goes on. */
    keep(frame) {
      if (this.waiting.size >= KEPT) this.drop(Math.min(...this.waiting.keys()));
      const picture = this.spare.pop() ?? document.createElement("canvas");
      [picture.width, picture.height] = [this.canvas.width, this.canvas.height];
      // Copies are padded to even sizes; the padding is not part of the picture.
      picture.getContext("2d").drawImage(this.player, 0, 0, ...this.size, 0, 0, picture.width, picture.height);
      if (this.waiting.has(frame)) this.drop(frame);
      this.waiting.set(frame, picture);
      this.newest = frame;
    }
    drop(frame) {
      this.spare.push(this.waiting.get(frame));
      this.waiting.delete(frame);
    }
    show(frame) {
      this.canvas.getContext("2d").drawImage(this.waiting.get(frame), 0, 0);
      for (const one of [...this.waiting.keys()]) if (one <= frame) this.drop(one);
    }
    forget() {
      for (const one of [...this.waiting.keys()]) this.drop(one);
      this.newest = null;
    }
    async seek(seconds) {
      const { player } = this;
      const event = (name) => new Promise((done) => player.addEventListener(name, done, { once: true }));
      if (player.readyState < HTMLMediaElement.HAVE_METADATA) await event("loadedmetadata");
      const sought = event("seeked");
      player.currentTime = seconds;
      await sought;
    }
  }

  class Pair {
    /**
     * @param films addresses of `before` and `after`, and `fps` as a fraction
     * @param size width and height of the picture, px
     * @param on `frame(number, canvases)` for each frame shown, `end(number)` when they stop, `failure(words)`
     */
    constructor({ films, size, frames, on }) {
      const [top, under = 1] = films.fps.split("/").map(Number);
      Object.assign(this, { fps: top / under, frames, on, playing: false, shown: null, turn: 0 });
      const share = Math.min(1, WIDEST / size[0]);
      const side = (address, muted, words) => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = size.map((one) => Math.max(1, Math.round(one * share)));
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", words);
        const failed = () => this.fail("This browser cannot play the films. Single frames can be compared all the same.");
        return new Side(address, { muted, size, canvas, came: (one, time) => this.came(one, time), failed });
      };
      this.before = side(films.before, true, "The film as scanned");
      this.after = side(films.after, false, "The restored film");
      document.getElementById("stage").append(this.before.player, this.after.player);
    }
    get sides() {
      return [this.before, this.after];
    }
    async play(from) {
      const turn = ++this.turn;
      this.playing = true;
      this.shown = null;
      for (const side of this.sides) side.forget();
      try {
        const start = from >= this.frames - 1 ? 0 : from;
        await Promise.all(this.sides.map((side) => side.seek((start + 0.5) / this.fps)));
        if (turn !== this.turn) return;
        await Promise.all(this.sides.map((side) => side.player.play())).catch((error) => this.withoutSound(error));
      } catch (error) {
        if (turn === this.turn && error.name !== "AbortError") this.fail(`The films do not play: ${error.message}`);
      }
    }
    /** A browser that lets no page make sound unasked lets it show pictures. */
    withoutSound(error) {
      if (error.name !== "NotAllowedError" || this.after.player.muted) throw error;
      this.after.player.muted = true;
      return Promise.all(this.sides.map((side) => side.player.play()));
    }
    stop() {
      this.turn++;
      this.playing = false;
      for (const side of this.sides) side.player.pause();
      return this.shown;
    }
    fail(words) {
      this.stop();
      this.on.failure(words);
    }
    came(side, seconds) {
      if (!this.playing) return;
      const frame = Math.round(seconds * this.fps);
      side.keep(frame);
      const both = [...this.before.waiting.keys()].filter((one) => this.after.waiting.has(one));
      if (both.length) this.show(Math.max(...both));
      this.follow();
    }
    show(frame) {
      for (const side of this.sides) side.show(frame);
      this.shown = frame;
      this.on.frame(frame, { before: this.before.canvas, after: this.after.canvas });
      if (frame >= this.frames - 1) this.on.end(this.stop());
    }
    /** Let the scan's player catch up with the other, or wait for it. */
    follow() {
      const { before, after } = this;
      if (before.newest === null || after.newest === null || before.player.seeking) return;
      const behind = after.newest - before.newest;
      if (Math.abs(behind) > FAR_APART) before.player.currentTime = after.player.currentTime;
      before.player.playbackRate = 1 + Math.max(-0.5, Math.min(0.5, behind * 0.1));
    }
  }

  const able = () => "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  return { Pair, able };
})();
