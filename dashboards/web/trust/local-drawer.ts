/** The drawer that browsers call localStorage. It may be forbidden or full: then nothing is kept, and that is said. */

import type { Drawer } from "./trust-desk.ts";

export const localDrawer: Drawer = {
  get(name) {
    try {
      return localStorage.getItem(name) ?? undefined;
    } catch {
      return undefined;
    }
  },
  put(name, content) {
    try {
      localStorage.setItem(name, content);
      return true;
    } catch {
      return false;
    }
  },
};
