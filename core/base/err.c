#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

static const struct {
    int code;
    const char *reason;
} reasons[] = {
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
    return uv_strerror(code);
}

void err_clear(struct err *err)
{
    err->code = 0;
    err->text[0] = '\0';
}

static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void fill(struct err *err, int code, const char *format, va_list args)
{
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
}

int err_set(struct err *err, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill(err, code, format, args);
        va_end(args);
        make_printable(err->text);
    }
    return code;
}

int err_sys(struct err *err, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill(err, code, format, args);
        va_end(args);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", err_reason(code));
        make_printable(err->text);
    }
    return code;
}
