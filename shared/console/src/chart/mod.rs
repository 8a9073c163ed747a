//! Charts as shapes: pure functions that convert values to rectangles. Templates draw the rectangles as SVG.

pub(crate) mod bar;
pub(crate) mod columns;
pub(crate) mod spark;
