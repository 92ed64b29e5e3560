/* Lines of the line protocol (docs/line-protocol.md): items with units, and a checksum at the end. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

/* Adds a value in tenths. `is_doubtful` says that the board itself does not believe it. */
void line_item(const char *quantity, int16_t tenths, const char *unit, bool is_doubtful);

/* Ends the line with its checksum; an empty one without. */
void line_end(void);

/* Prints a line for people. Not to be called within another one. */
void line_comment(const char *text);

#endif
