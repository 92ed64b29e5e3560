/** Under which name a tab keeps its viewer's token. */

export const VIEWER_TOKEN = "kerbstone.viewer-token";
