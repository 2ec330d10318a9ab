#include "core/bench/ignored.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fs.h"
#include "core/base/mem.h"

#define IGNORE_MAX_BYTES (1024 * 1024)

void ignored_done(struct ignored *ignored)
{
    for (size_t i = 0; i < ignored->len; i++)
        free(ignored->items[i].name);
    free(ignored->items);
    *ignored = (struct ignored){0};
}

/* One line; false when nothing is sure any more: an exception. */
static bool read_pattern(struct ignored *ignored, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t'))
        len--;
    if (len > 0 && line[0] == '!')
        return false;
    if (len == 0 || line[0] == '#')
        return true;
    char *text = mem_strndup(line, len), *name = text;
    bool anywhere = strncmp(name, "**/", 3) == 0;
    name += anywhere ? 3 : strspn(name, "/");
    size_t end = strlen(name);
    if (end > 3 && strcmp(name + end - 3, "/**") == 0)
        end -= 3;
    while (end > 0 && name[end - 1] == '/')
        end--;
    name[end] = '\0';
    if (fs_is_name(name) && strpbrk(name, "*?[\\") == NULL) {
        ignored->items = mem_realloc(ignored->items, (ignored->len + 1) * sizeof *ignored->items);
        ignored->items[ignored->len++] = (struct ignored_name){mem_strdup(name), anywhere};
    }
    free(text);
    return true;
}

static void read_patterns(struct ignored *ignored, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (!read_pattern(ignored, text, len)) {
            ignored_done(ignored);
            return;
        }
        text += len;
        text += *text == '\n';
    }
}

static int read_ignore(const char *before, const char *name, struct buf *text)
{
    char *path = mem_printf("%s%s", before, name);
    int code = fs_read_path(path, IGNORE_MAX_BYTES, text, NULL);
    free(path);
    return code;
}

struct ignored ignored_read(const char *context, const char *dockerfile)
{
    struct ignored ignored = {0};
    struct buf text = {0};
    if ((dockerfile != NULL && read_ignore(dockerfile, ".dockerignore", &text) == 0) ||
        read_ignore(context, "/.dockerignore", &text) == 0)
        read_patterns(&ignored, text.data != NULL ? text.data : "");
    buf_done(&text);
    return ignored;
}

bool ignored_has(const struct ignored *ignored, const char *name, bool in_root)
{
    for (size_t i = 0; i < ignored->len; i++)
        if ((in_root || ignored->items[i].anywhere) && strcmp(ignored->items[i].name, name) == 0)
            return true;
    return false;
}
