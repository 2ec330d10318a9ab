/* Base64 with padding (RFC 4648), as encoding/json of Go writes bytes. */
#ifndef BILGE_BASE_BASE64_H
#define BILGE_BASE_BASE64_H

#include <stdbool.h>

#include "core/base/mem.h"

/* Appends the bytes, and leaves buf as it was when the text is not base64. */
bool base64_decode(const char *text, struct buf *buf);

#endif
