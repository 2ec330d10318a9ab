#include "core/build/compose/bare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/path.h"
#include "core/base/strlist.h"
#include "core/build/compose/compose.h"

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
    char *path = mem_printf("%s/bilge-compose-XXXXXX",
                            place != NULL && place[0] == '/' ? place : "/tmp");
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
