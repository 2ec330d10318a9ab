#include "core/base/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *path_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

char *path_as_word(const char *path)
{
    return path[0] == '-' ? mem_printf("./%s", path) : mem_strdup(path);
}

char *path_join(const char *directory, const char *name)
{
    return mem_printf("%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);
}

/* Appends one component to an absolute path. */
static void append_component(struct buf *path, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.'))
        return;
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        while (path->len > 0 && path->data[path->len - 1] != '/')
            path->len--;
        path->len -= path->len > 0;
        if (path->data != NULL)
            path->data[path->len] = '\0';
        return;
    }
    buf_append_str(path, "/");
    buf_append(path, name, len);
}

static void append_path(struct buf *path, const char *rest)
{
    while (*rest != '\0') {
        size_t len = strcspn(rest, "/");
        append_component(path, rest, len);
        rest += len + (rest[len] == '/');
    }
}

char *path_plain(const char *path)
{
    struct buf whole = {0};
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        append_path(&whole, here != NULL ? here : "");
        free(here);
    }
    append_path(&whole, path);
    if (whole.len == 0)
        buf_append_str(&whole, "/");
    return buf_take(&whole);
}

char *path_canonical(const char *path)
{
    char *known = path_plain(path), *resolved = NULL;
    size_t len = strlen(known), whole = len;
    char *rest = mem_strdup(known);
    for (;;) {
        resolved = realpath(len > 0 ? known : "/", NULL);
        if (resolved != NULL || len == 0)
            break;
        while (len > 0 && known[len - 1] != '/')
            len--;
        len -= len > 0;
        known[len] = '\0';
    }
    struct buf out = {0};
    append_path(&out, resolved != NULL ? resolved : "");
    if (len < whole)
        append_path(&out, rest + len);
    if (out.len == 0)
        buf_append_str(&out, "/");
    free(resolved);
    free(known);
    free(rest);
    return buf_take(&out);
}

char *path_canonical_parent(const char *path)
{
    char *whole = path_plain(path);
    char *slash = strrchr(whole, '/');
    char *parent = slash == whole ? mem_strdup("/") : mem_strndup(whole, (size_t)(slash - whole));
    char *resolved = path_canonical(parent);
    struct buf out = {0};
    append_path(&out, resolved);
    append_path(&out, slash);
    if (out.len == 0)
        buf_append_str(&out, "/");
    free(whole);
    free(parent);
    free(resolved);
    return buf_take(&out);
}
