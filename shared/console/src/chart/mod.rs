//! Charts as shapes: pure functions from values to rectangles. Templates draw them as SVG.

pub(crate) mod bar;
pub(crate) mod columns;
pub(crate) mod spark;
