#include "core/builds/project/plain_compose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/path.h"
#include "core/base/strlist.h"
#include "core/builds/project/compose.h"

#define FILE_MAX_BYTES (1024 * 1024)

/* The user's own file: a link to it counts as it. */
static int read_file(const char *path, struct buf *text, struct err *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return err_sys(err, -errno, "reading %s", path);
    int code = fs_read_path(real, FILE_MAX_BYTES, text, err);
    free(real);
    return code;
}

static int make_directory(struct bare *bare, struct err *err)
{
    const char *place = getenv("TMPDIR");
    char *path =
        mem_printf("%s/bilge-compose-XXXXXX", place != NULL && place[0] == '/' ? place : "/tmp");
    if (mkdtemp(path) == NULL) {
        int code = err_sys(err, -errno, "making %s", path);
        free(path);
        return code;
    }
    bare->directory = path;
    return 0;
}

/* "1-compose.yml": two files may have the same name. */
static int write_copy(struct bare *bare, const char *path, const struct buf *text, struct err *err)
{
    char *copy = mem_printf("%s/%zu-%s", bare->directory, bare->files_len + 1, path_name(path));
    int code = fs_write_path(copy, text->data, text->len, 0600, err);
    if (code == 0)
        bare->files[bare->files_len++] = copy;
    else
        free(copy);
    return code;
}

/* Sets *changed when something was left out, and the project's name. */
static int strip_file(const char *path, bool version_1, struct buf *ret_text, struct bare *bare,
                      bool *changed, struct err *err)
{
    struct buf text = {0};
    char *name = NULL;
    int code = read_file(path, &text, err);
    if (code == 0 && !bare_text(text.data, text.len, version_1, ret_text, &name))
        code = err_set(err, ERR_UNSUPPORTED,
                       "%s holds a cache_to in a form that can't be left out of a copy", path);
    *changed |= ret_text->len != text.len;
    if (name != NULL)
        mem_replace(&bare->name, name);
    free(name);
    buf_done(&text);
    return code;
}

static int copy_all(const struct strlist *paths, bool version_1, struct bare *bare, struct err *err)
{
    struct buf *texts = mem_zalloc(paths->len * sizeof *texts);
    bool changed = false;
    int code = 0;
    for (size_t i = 0; i < paths->len && code == 0; i++)
        code = strip_file(paths->items[i], version_1, &texts[i], bare, &changed, err);
    if (code == 0 && changed)
        code = make_directory(bare, err);
    bare->files = mem_zalloc(paths->len * sizeof *bare->files);
    for (size_t i = 0; i < paths->len && code == 0 && bare->directory != NULL; i++)
        code = write_copy(bare, paths->items[i], &texts[i], err);
    for (size_t i = 0; i < paths->len; i++)
        buf_done(&texts[i]);
    free(texts);
    return code;
}

int bare_make(const char *file, const char *directory, bool version_1, struct bare *ret_bare,
              struct err *err)
{
    struct strlist paths = compose_files(file, directory, version_1);
    struct bare bare = {0};
    int code = paths.len > 0 ? copy_all(&paths, version_1, &bare, err) : 0;
    if (code == 0 && bare.directory != NULL) {
        bare.project = path_parent(paths.items[0]);
        *ret_bare = bare;
    } else {
        bare_done(&bare);
        *ret_bare = (struct bare){0};
    }
    strlist_done(&paths);
    return code;
}

void bare_done(struct bare *bare)
{
    for (size_t i = 0; i < bare->files_len; i++) {
        unlink(bare->files[i]);
        free(bare->files[i]);
    }
    if (bare->directory != NULL)
        rmdir(bare->directory);
    free(bare->files);
    free(bare->directory);
    free(bare->project);
    free(bare->name);
    *bare = (struct bare){0};
}

#define LEVELS_MAX 32

/* One line, and the key it begins with: "  cache_to: [x]". */
struct row {
    const char *text;
    size_t len; /* with its newline */
    size_t indent;
    const char *key; /* NULL: it is none with a key */
    size_t key_len;
    const char *value; /* behind the colon */
    size_t value_len;
};

static bool is_empty(const struct row *row)
{
    char first = row->indent < row->len ? row->text[row->indent] : '\n';
    return first == '\n' || first == '\r' || first == '#';
}

static void read_key(struct row *row)
{
    const char *at = row->text + row->indent, *end = row->text + row->len;
    while (end > at && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (is_empty(row) || colon == NULL || (colon + 1 < end && colon[1] != ' '))
        return;
    row->value = colon + 1;
    row->value_len = (size_t)(end - row->value);
    row->key = at;
    row->key_len = (size_t)(colon - at);
    if (row->key_len >= 2 && (*at == '"' || *at == '\'') && colon[-1] == *at) {
        row->key++;
        row->key_len -= 2;
    }
}

static struct row read_row(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    struct row row = {.text = text, .len = newline != NULL ? (size_t)(newline - text) + 1 : len};
    while (row.indent < row.len && text[row.indent] == ' ')
        row.indent++;
    read_key(&row);
    return row;
}

static bool is_key(const struct row *row, const char *key)
{
    return row->key != NULL && row->key_len == strlen(key) &&
           memcmp(row->key, key, row->key_len) == 0;
}

/* How deep in brackets the text ends; those in quotes are text. */
static int depth_after(int depth, const char *text, size_t len)
{
    char quote = '\0';
    for (size_t i = 0; i < len; i++) {
        if (quote != '\0')
            quote = text[i] == quote ? '\0' : quote;
        else if (text[i] == '"' || text[i] == '\'')
            quote = text[i];
        else if (text[i] == '#' && i > 0 && text[i - 1] == ' ')
            break;
        else
            depth += (text[i] == '[') - (text[i] == ']');
    }
    return depth;
}

/* Bytes of all that belongs to the key of the row: what is indented deeper, the
 * items of its list, what its brackets enclose. */
static size_t block_len(const struct row *row, size_t len)
{
    int depth = depth_after(0, row->value, row->value_len);
    size_t at = row->len;
    while (at < len) {
        struct row next = read_row(row->text + at, len - at);
        bool item =
            next.indent == row->indent && next.len > next.indent && next.text[next.indent] == '-';
        if (depth <= 0 && !is_empty(&next) && next.indent <= row->indent && !item)
            break;
        depth = depth_after(depth, next.text, next.len);
        at += next.len;
    }
    return at;
}

/* Keys below these are somebody's own words. */
static bool is_free_text(const struct row *parent)
{
    return is_key(parent, "environment") || is_key(parent, "args") || is_key(parent, "labels");
}

static bool is_cache(const struct row *row, const struct row *parent, size_t rest)
{
    if (row->indent == 0 || is_free_text(parent))
        return false;
    return is_key(row, "cache_to") ||
           (is_key(row, "cache_from") &&
            memmem(row->text, block_len(row, rest), "type=local", 10) != NULL);
}

/* `name: "sample"`; one that is made of variables stays unknown. */
static char *read_name(const struct row *row)
{
    const char *text = row->value;
    size_t len = row->value_len;
    while (len > 0 && *text == ' ') {
        text++;
        len--;
    }
    if (len >= 2 && (*text == '"' || *text == '\'') && text[len - 1] == *text) {
        text++;
        len -= 2;
    }
    bool plain = len > 0 && memchr(text, '$', len) == NULL && memchr(text, '#', len) == NULL;
    return plain ? mem_strndup(text, len) : NULL;
}

/* Some cache_to that is written inside of braces, or merged in. */
static bool holds_cache_to(const struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        struct row row = read_row(text->data + at, text->len - at);
        if (!is_empty(&row) && memmem(row.text, row.len, "cache_to", 8) != NULL)
            return true;
        at += row.len;
    }
    return false;
}

bool bare_text(const char *text, size_t len, bool version_1, struct buf *ret_text, char **ret_name)
{
    struct row levels[LEVELS_MAX] = {{0}}; /* the rows above, each indented deeper */
    size_t levels_len = 0;
    *ret_name = NULL;
    for (size_t at = 0; at < len;) {
        struct row row = read_row(text + at, len - at);
        size_t used = row.len;
        if (!is_empty(&row))
            while (levels_len > 0 && levels[levels_len - 1].indent >= row.indent)
                levels_len--;
        if (version_1 && row.indent == 0 && is_key(&row, "name")) {
            free(*ret_name);
            *ret_name = read_name(&row);
        } else if (is_cache(&row, &levels[levels_len > 0 ? levels_len - 1 : 0], len - at)) {
            used = block_len(&row, len - at);
        } else {
            buf_append(ret_text, row.text, row.len);
        }
        if (row.key != NULL && levels_len < LEVELS_MAX)
            levels[levels_len++] = row;
        at += used;
    }
    return !holds_cache_to(ret_text);
}
