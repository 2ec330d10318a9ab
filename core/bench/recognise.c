#include "core/bench/recognise.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/bench/change.h"
#include "core/bench/context.h"
#include "core/bench/lockfile.h"

#define FILE_MAX_BYTES (8 * 1024 * 1024)
#define WORD_SCORE 20
#define MENTION_SCORE 8

/* Where a program begins; libraries after programs. */
static const struct {
    const char *name;
    int score;
} beginnings[] = {
    {"main.rs", 14}, {"lib.rs", 12}, {"main.go", 14}, {"main.py", 14}, {"app.py", 13},
    {"__main__.py", 12}, {"manage.py", 12}, {"main.ts", 14}, {"index.ts", 13}, {"server.ts", 13},
    {"app.ts", 12}, {"main.js", 14}, {"index.js", 13}, {"server.js", 13}, {"app.js", 12},
    {"main.rb", 14}, {"app.rb", 13}, {"server.rb", 13}, {"application.rb", 12}, {"main.c", 14},
    {"main.cc", 14}, {"main.cpp", 14}, {"Program.cs", 14}, {"Main.java", 14},
    {"Application.java", 13}, {"Main.kt", 14}, {"index.php", 13}, {"main.swift", 14},
};

/* The nearest one at or above the code; of Cargo.toml the topmost. */
static const char *const manifests[] = {
    "Cargo.toml", "package.json", "Gemfile", "go.mod", "pyproject.toml", "requirements.txt",
    "pom.xml", "build.gradle", "build.gradle.kts", "composer.json", "mix.exs",
};
#define MANIFESTS_LEN (sizeof manifests / sizeof manifests[0])

/* -------------------------------------------------------------------- scoring */

static int beginning_score(const char *path)
{
    const char *name = path_name(path);
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strcmp(name, beginnings[i].name) == 0)
            return beginnings[i].score;
    return 0;
}

/* The next word of a name such as "rust-worker". */
static const char *next_word(const char *text, const char *end, size_t *ret_len)
{
    while (text < end && !isalnum((unsigned char)*text))
        text++;
    size_t len = 0;
    while (text + len < end && isalnum((unsigned char)text[len]))
        len++;
    *ret_len = len;
    return text;
}

/* "worker" and "workers" are the same word here. */
static bool same_word(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    size_t most = a_len < b_len ? b_len : a_len;
    return strncasecmp(a, b, common) == 0 &&
           (a_len == b_len || (common >= 4 && most - common <= 1));
}

static int words_in_common(const char *path, const char *end, const char *service)
{
    const char *service_end = service + strlen(service);
    size_t word_len, other_len;
    int common = 0;
    for (const char *word = next_word(service, service_end, &word_len); word_len > 0;
         word = next_word(word + word_len, service_end, &word_len)) {
        bool found = false;
        for (const char *other = next_word(path, end, &other_len); other_len > 0 && !found;
             other = next_word(other + other_len, end, &other_len))
            found = same_word(word, word_len, other, other_len);
        common += found;
    }
    return common;
}

/* The directory of the package, without the "src" that holds its code. */
static char *package_name(const char *path)
{
    const char *end = strrchr(path, '/');
    if (end == NULL)
        return NULL;
    const char *from = end;
    while (from > path && from[-1] != '/')
        from--;
    if (end - from == 3 && strncmp(from, "src", 3) == 0 && from > path) {
        end = from - 1;
        from = end;
        while (from > path && from[-1] != '/')
            from--;
    }
    return mem_strndup(from, (size_t)(end - from));
}

static bool is_for_tests(const char *path)
{
    static const char *const places[] = {"tests/", "test/", "spec/", "examples/", "benches/",
                                         "node_modules/", "vendor/", "target/"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *at = strstr(path, places[i]);
        if (at != NULL && (at == path || at[-1] == '/'))
            return true;
    }
    return false;
}

int recognise_score(const char *path, const char *service, const char *dockerfile_text)
{
    int score = beginning_score(path);
    if (score == 0 || is_for_tests(path) || path[0] == '.' || strstr(path, "/.") != NULL)
        return 0;
    const char *end = strrchr(path, '/');
    score += WORD_SCORE * words_in_common(path, end != NULL ? end : path, service);
    char *package = package_name(path);
    if (package != NULL && strcmp(package, "src") != 0 && dockerfile_text != NULL &&
        strstr(dockerfile_text, package) != NULL)
        score += MENTION_SCORE;
    free(package);
    for (const char *at = path; *at != '\0' && score > 1; at++)
        score -= *at == '/';
    return score;
}

/* -------------------------------------------------------------------- looking */

struct search {
    const char *service;
    const struct bench_source *source;
    char *best;
    int best_score;
};

static int look_at(void *arg, int dirfd, const char *name, const char *path,
                   const struct fs_stat *stat, struct err *err)
{
    struct search *search = arg;
    (void)dirfd, (void)name, (void)err;
    if (stat->type != FS_FILE || stat->size_bytes > FILE_MAX_BYTES)
        return 0;
    int score = recognise_score(path, search->service, search->source->dockerfile_text);
    bool better = score > search->best_score ||
                  (score > 0 && score == search->best_score && strcmp(path, search->best) < 0);
    if (better) {
        search->best_score = score;
        mem_replace(&search->best, path);
    }
    return 0;
}

static bool is_there(const char *context, const char *path)
{
    char *whole = mem_printf("%s/%s", context, path);
    struct stat st;
    bool there = lstat(whole, &st) == 0 && S_ISREG(st.st_mode);
    free(whole);
    return there;
}

/* From the directory of the code upwards to the context itself. */
static char *find_manifest(const char *context, const char *code)
{
    char *found = NULL;
    struct buf directory = {0};
    buf_append_str(&directory, code);
    for (bool last = false; !last;) {
        char *slash = strrchr(directory.data, '/');
        last = slash == NULL;
        directory.len = last ? 0 : (size_t)(slash - directory.data);
        directory.data[directory.len] = '\0';
        for (size_t i = 0; i < MANIFESTS_LEN; i++) {
            bool cargo = i == 0;
            char *path = mem_printf("%s%s%s", directory.data, last ? "" : "/", manifests[i]);
            if ((found == NULL || cargo) && is_there(context, path))
                mem_replace(&found, path);
            free(path);
        }
    }
    buf_done(&directory);
    return found;
}

/* ------------------------------------------------------------------ for cargo */

static bool read_whole(const char *context, const char *path, struct buf *ret_text)
{
    char *whole = mem_printf("%s/%s", context, path);
    bool done = fs_read_path(whole, FILE_MAX_BYTES, ret_text, NULL) == 0;
    free(whole);
    return done && ret_text->data != NULL;
}

/* The package that the code belongs to. */
static char *package_of(const char *context, const char *code)
{
    char *directory = mem_strdup(code), *name = NULL;
    for (char *slash = strrchr(directory, '/'); slash != NULL && name == NULL;
         slash = strrchr(directory, '/')) {
        *slash = '\0';
        char *path = mem_printf("%s/Cargo.toml", directory);
        struct buf text = {0};
        if (read_whole(context, path, &text))
            name = cargo_package_name(text.data, text.len);
        buf_done(&text);
        free(path);
    }
    struct buf text = {0};
    if (name == NULL && read_whole(context, "Cargo.toml", &text))
        name = cargo_package_name(text.data, text.len);
    buf_done(&text);
    free(directory);
    return name;
}

static bool is_cargo(const char *path)
{
    return strcmp(path_name(path), "Cargo.toml") == 0;
}

static void find_dependency(struct bench_source *source, const char *code)
{
    char *package = package_of(source->context, code);
    char *slash = strrchr(source->dependency_file, '/');
    char *lock = slash != NULL
                     ? mem_printf("%.*s/Cargo.lock", (int)(slash - source->dependency_file),
                                  source->dependency_file)
                     : mem_strdup("Cargo.lock");
    struct buf text = {0};
    if (package != NULL && read_whole(source->context, lock, &text))
        source->dependency = lockfile_choose(text.data, text.len, package);
    buf_done(&text);
    free(lock);
    free(package);
}

/* ----------------------------------------------------------------------- door */

static int check_given(const char *service, const struct bench_source *source, const char *path,
                       struct err *err)
{
    if (path == NULL)
        return 0;
    if (path[0] == '/' || strstr(path, "..") != NULL || !is_there(source->context, path))
        return err_set(err, ERR_USAGE, "%s: there is no file %s in the build context %s", service,
                       path, source->context);
    if (!change_knows(path))
        return err_set(err, ERR_USAGE, "%s: it is not known how a comment looks in %s", service,
                       path);
    return 0;
}

int recognise(const char *service, struct bench_source *source, bool want_code,
              bool want_dependencies, struct err *err)
{
    struct search search = {.service = service, .source = source};
    int code = check_given(service, source, source->code_file, err);
    if (code == 0)
        code = check_given(service, source, source->dependency_file, err);
    if (code < 0 || (!want_code && !want_dependencies))
        return code;
    if (source->code_file != NULL)
        search.best = mem_strdup(source->code_file);
    else
        code = context_walk(source->context, source->dockerfile, look_at, &search, err);
    if (code == 0 && want_code && search.best == NULL)
        code = err_set(err, ERR_USAGE,
                       "%s: which file of %s is its code can't be told: --change-code FILE",
                       service, source->context);
    if (code == 0 && want_dependencies && source->dependency_file == NULL)
        source->dependency_file =
            find_manifest(source->context, search.best != NULL ? search.best : "");
    if (code == 0 && want_dependencies && source->dependency_file == NULL)
        code = err_set(err, ERR_USAGE,
                       "%s: which file of %s lists its dependencies can't be told: "
                       "--change-deps FILE",
                       service, source->context);
    if (code == 0 && want_dependencies && search.best != NULL && is_cargo(source->dependency_file))
        find_dependency(source, search.best);
    if (code == 0 && want_code && source->code_file == NULL)
        mem_replace(&source->code_file, search.best);
    free(search.best);
    return code;
}
