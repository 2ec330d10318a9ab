#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "core/base/mem.h"
#include "core/base/text.h"

static const struct {
    int code;
    const char *reason;
} reasons[] = {
    {-EXDEV, "a mount point, or on another file system"},
    {ERR_FORMAT, "not in the expected format"},
    {ERR_LIMIT, "over the limit"},
    {ERR_CHANGED, "changed in the meantime"},
    {ERR_BUSY, "in use"},
    {ERR_FOREIGN, "not bilge's to touch"},
    {ERR_UNSUPPORTED, "not supported here"},
    {ERR_PEER, "refused by the other side"},
    {ERR_TIMEOUT, "no answer in time"},
    {ERR_CANCELLED, "cancelled"},
    {ERR_USAGE, "not a request that makes sense"},
};

const char *err_reason(int code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    switch (code) { /* uv_strerror() leaks memory for a code that it does not know */
#define REASON_CASE(name, reason)                                                                  \
    case UV_##name:                                                                                \
        return reason;
        UV_ERRNO_MAP(REASON_CASE)
#undef REASON_CASE
    default:
        return "unknown error";
    }
}

void err_clear(struct err *err)
{
    err->code = 0;
    err->text[0] = '\0';
}

/* Bytes of text that fit into `room` without cutting a character in two. */
static size_t prefix(const char *text, size_t len, size_t room)
{
    if (len <= room)
        return len;
    while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

/* The reason matters most: a long text gives way to it. */
static void put(struct err *err, const char *text, size_t len, const char *reason)
{
    const char *colon = reason != NULL ? ": " : "", *dots = "";
    reason = reason != NULL ? reason : "";
    size_t room = sizeof err->text - 1 - strlen(colon) - strlen(reason);
    if (len > room) {
        dots = "…";
        room -= strlen(dots);
    }
    int fits = (int)prefix(text, len, room);
    snprintf(err->text, sizeof err->text, "%.*s%s%s%s", fits, text, dots, colon, reason);
}

__attribute__((format(printf, 4, 0))) static void
fill(struct err *err, int code, const char *reason, const char *format, va_list args)
{
    struct buf clean = {0};
    char *text = NULL; /* apart from err->text, which may be among the arguments */
    if (vasprintf(&text, format, args) < 0)
        text = mem_strdup(format);
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    text_clean(&clean, text, strlen(text));
    err->code = code;
    put(err, clean.data, clean.len, reason);
    free(text);
    buf_done(&clean);
}

int err_set(struct err *err, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill(err, code, NULL, format, args);
        va_end(args);
    }
    return code;
}

int err_sys(struct err *err, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill(err, code, err_reason(code), format, args);
        va_end(args);
    }
    return code;
}
