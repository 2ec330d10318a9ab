#include "cli/json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

static void begin(struct json *json, const char *key)
{
    if (json->follows)
        putc(',', json->out);
    if (key != NULL)
        fprintf(json->out, "\"%s\":", key);
    json->follows = true;
}

static void open_bracket(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    putc(bracket, json->out);
    json->follows = false;
}

static void close_bracket(struct json *json, char bracket)
{
    putc(bracket, json->out);
    json->follows = true;
}

void json_put_object(struct json *json, const char *key)
{
    open_bracket(json, key, '{');
}

void json_put_object_end(struct json *json)
{
    close_bracket(json, '}');
}

void json_put_array(struct json *json, const char *key)
{
    open_bracket(json, key, '[');
}

void json_put_array_end(struct json *json)
{
    close_bracket(json, ']');
}

void json_put_int(struct json *json, const char *key, int64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void json_put_bool(struct json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

static void put_escape(FILE *out, uint32_t rune)
{
    if (rune > 0xffff) {
        rune -= 0x10000;
        fprintf(out, "\\u%04x", 0xd800u + (unsigned)(rune >> 10));
        rune = 0xdc00 + (rune & 0x3ff);
    }
    fprintf(out, "\\u%04x", (unsigned)rune);
}

static void put_characters(FILE *out, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t rune;
        size_t used = text_decode(text + i, len - i, &rune);
        if (used == 0) {
            fputs("\\ufffd", out);
            used = 1;
        } else if (text_is_disruptive(rune)) {
            put_escape(out, rune);
        } else {
            if (rune == '"' || rune == '\\')
                putc('\\', out);
            fwrite(text + i, 1, used, out);
        }
        i += used;
    }
}

void json_put_text(struct json *json, const char *key, const char *text)
{
    begin(json, key);
    if (text == NULL) {
        fputs("null", json->out);
        return;
    }
    putc('"', json->out);
    put_characters(json->out, text);
    putc('"', json->out);
}

void json_put_time(struct json *json, const char *key, int64_t at)
{
    char text[CLOCK_TEXT_SIZE];
    json_put_text(json, key, at == 0 ? NULL : clock_rfc3339(text, at));
}
