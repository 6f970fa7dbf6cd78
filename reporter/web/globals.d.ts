// SPDX-License-Identifier: MIT
// What `tsc --checkJs` is told of names that come from elsewhere.

/** d3 (d3js.org), version 5, stands before the modules. */
declare const d3: any;
