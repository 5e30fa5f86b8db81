/** The headings of a table of figures: what the rows are, and their two figures. */
export type Headings = readonly [string, string, string];
