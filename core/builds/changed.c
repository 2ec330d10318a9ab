#include "core/builds/changed.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/strlist.h"
#include "core/base/text.h"

#define ENTRIES_MAX 50000
#define DEPTH_MAX 40
#define IGNORE_MAX_BYTES (64 * 1024)

struct search {
    int64_t since;
    struct strlist ignored; /* lines of .dockerignore */
    size_t entries;         /* looked at */
    size_t changed;
    int64_t newest_at;
    char *newest; /* path below the context */
};

/* ---------------------------------------------------------- .dockerignore */

static void add_ignored(struct strlist *ignored, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '/'))
        len--;
    while (len > 0 && *line == '/') {
        line++;
        len--;
    }
    if (len == 0 || *line == '#' || *line == '!')
        return;
    char *text = mem_strndup(line, len);
    strlist_add(ignored, text);
    free(text);
}

static void read_ignored(int context, struct strlist *ignored)
{
    struct buf text = {0};
    strlist_add(ignored, ".git");
    if (fs_read_file(context, ".dockerignore", IGNORE_MAX_BYTES, &text, NULL) == 0)
        for (const char *line = text.data; *line != '\0';) {
            size_t len = strcspn(line, "\n");
            add_ignored(ignored, line, len);
            line += len + (line[len] == '\n');
        }
    buf_done(&text);
}

static bool is_ignored(const struct search *search, const char *path)
{
    const char *name = path_name(path);
    for (size_t i = 0; i < search->ignored.len; i++) {
        const char *pattern = search->ignored.items[i];
        bool anywhere = strncmp(pattern, "**/", 3) == 0;
        if (fnmatch(pattern, path, FNM_PATHNAME) == 0 ||
            (anywhere && fnmatch(pattern + 3, name, 0) == 0))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------- walk */

static void note(struct search *search, const char *path, const struct stat *st)
{
    int64_t at = st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
    if (at <= search->since)
        return;
    search->changed++;
    if (search->newest != NULL && at <= search->newest_at)
        return;
    free(search->newest);
    search->newest = mem_strdup(path);
    search->newest_at = at;
}

static void walk(struct search *search, int dirfd, const char *path, int depth);

static void look(struct search *search, int dirfd, const char *name, const char *path, int depth)
{
    struct stat st;
    int fd;
    if (search->entries++ > ENTRIES_MAX || depth > DEPTH_MAX || is_ignored(search, path) ||
        fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        note(search, path, &st);
        return;
    }
    size_t before = search->changed;
    if (fs_open_dir(dirfd, name, &fd, NULL) == 0)
        walk(search, fd, path, depth + 1);
    if (search->changed == before && *path != '\0')
        note(search, path, &st); /* something was removed, most likely */
}

struct walk {
    struct search *search;
    int dirfd;
    const char *path;
    int depth;
};

static int visit(void *arg, const char *name, enum fs_type type)
{
    const struct walk *walk = arg;
    (void)type;
    char *below = *walk->path != '\0' ? mem_printf("%s/%s", walk->path, name) : mem_strdup(name);
    look(walk->search, walk->dirfd, name, below, walk->depth);
    free(below);
    return 0;
}

/* Takes the descriptor. */
static void walk(struct search *search, int dirfd, const char *path, int depth)
{
    struct walk walk = {search, dirfd, path, depth};
    fs_each(dirfd, visit, &walk, NULL);
    close(dirfd);
}

/* One source of the COPY: "src", "./src/", "/a/b", ".". */
static void look_at_source(struct search *search, int context, const char *source)
{
    char path[4096];
    while (*source == '/' || (*source == '.' && (source[1] == '/' || source[1] == '\0')))
        source++;
    size_t len = strlen(source);
    while (len > 0 && source[len - 1] == '/')
        len--;
    if (len >= sizeof path || strstr(source, "..") != NULL)
        return;
    memcpy(path, source, len);
    path[len] = '\0';
    int fd = *path == '\0' ? dup(context) : -1;
    if (fd >= 0) {
        walk(search, fd, "", 0);
        return;
    }
    /* component by component: none of them is followed out of the context */
    fd = dup(context);
    const char *name = path;
    for (const char *slash; fd >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        char *part = mem_strndup(name, (size_t)(slash - name));
        int next, code = fs_open_dir(fd, part, &next, NULL);
        free(part);
        close(fd);
        fd = code == 0 ? next : -1;
    }
    if (fd >= 0) {
        look(search, fd, name, path, 0);
        close(fd);
    }
}

/* ------------------------------------------------------------ instruction */

/* The words of "COPY --chown=a src b /dest" but its options; none of a form
 * that is not plain: JSON, globs, heredocs, another stage. */
static struct strlist sources_of(const char *instruction)
{
    struct strlist words = {0};
    size_t skip = strncmp(instruction, "COPY ", 5) == 0  ? 5
                  : strncmp(instruction, "ADD ", 4) == 0 ? 4
                                                         : 0;
    if (skip == 0 || strpbrk(instruction, "[*?<\"'\\") != NULL ||
        strstr(instruction, "--from") != NULL)
        return words;
    for (const char *at = instruction + skip; *at != '\0';) {
        size_t len = strcspn(at, " ");
        char *word = mem_strndup(at, len);
        if (len > 0 && strncmp(word, "--", 2) != 0 && strstr(word, "://") == NULL)
            strlist_add(&words, word);
        free(word);
        at += len + (at[len] == ' ');
    }
    if (words.len > 0) { /* the last is where they go */
        free(words.items[--words.len]);
        words.items[words.len] = NULL;
    }
    return words;
}

static char *tell(const struct search *search)
{
    struct buf text = {0};
    if (search->newest == NULL || search->entries > ENTRIES_MAX)
        return NULL;
    text_clean(&text, search->newest, strlen(search->newest));
    if (search->changed > 1)
        buf_printf(&text, " and %zu more", search->changed - 1);
    return buf_take(&text);
}

char *changed_files(const char *context, const char *instruction, int64_t since)
{
    struct search search = {.since = since};
    struct strlist sources = sources_of(instruction);
    int fd;
    char *told = NULL;
    if (sources.len > 0 && context[0] == '/' && fs_open_root(context, &fd, NULL) == 0) {
        read_ignored(fd, &search.ignored);
        for (size_t i = 0; i < sources.len; i++)
            look_at_source(&search, fd, sources.items[i]);
        close(fd);
        told = tell(&search);
    }
    strlist_done(&sources);
    strlist_done(&search.ignored);
    free(search.newest);
    return told;
}
