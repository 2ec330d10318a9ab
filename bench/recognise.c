#include "bench/recognise.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/change.h"
#include "bench/context.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"

#define FILE_MAX_BYTES (8 * 1024 * 1024)
#define WORD_SCORE 20
#define MENTION_SCORE 8

/* Files that a program starts in, with how likely an edit there is the usual one: programs
 * before libraries. */
static const struct {
    const char *name;
    int score;
} beginnings[] = {
    {"main.rs", 14},          {"lib.rs", 12},      {"main.go", 14},        {"main.py", 14},
    {"app.py", 13},           {"__main__.py", 12}, {"manage.py", 12},      {"main.ts", 14},
    {"index.ts", 13},         {"server.ts", 13},   {"app.ts", 12},         {"main.js", 14},
    {"index.js", 13},         {"server.js", 13},   {"app.js", 12},         {"main.rb", 14},
    {"app.rb", 13},           {"server.rb", 13},   {"application.rb", 12}, {"main.c", 14},
    {"main.cc", 14},          {"main.cpp", 14},    {"Program.cs", 14},     {"Main.java", 14},
    {"Application.java", 13}, {"Main.kt", 14},     {"index.php", 13},      {"main.swift", 14},
};

/* The nearest one at or above the code; of Cargo.toml the topmost. */
static const char *const manifests[] = {
    "Cargo.toml",       "package.json",     "Gemfile", "go.mod",
    "pyproject.toml",   "requirements.txt", "pom.xml", "build.gradle",
    "build.gradle.kts", "composer.json",    "mix.exs",
};

/* -------------------------------------------------------------------- scoring */

/* How many of the words of a name such as "rust-worker" are in the path. "workers"
 * and "worker" are the same word here. */
static int words_in(const char *path, const char *service)
{
    char *words = mem_strdup(service), *rest = words;
    int found = 0;
    for (char *word; (word = strsep(&rest, "-_. ")) != NULL;) {
        size_t len = strlen(word);
        if (len > 4 && word[len - 1] == 's')
            word[len - 1] = '\0';
        found += len > 0 && strcasestr(path, word) != NULL;
    }
    free(words);
    return found;
}

/* "/tests/main.rs": for tests, somebody else's, or hidden. */
static bool is_beside_the_code(const char *path)
{
    static const char *const places[] = {"/tests/",    "/test/",    "/spec/",
                                         "/examples/", "/benches/", "/node_modules/",
                                         "/vendor/",   "/target/",  "/."};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strstr(path, places[i]) != NULL)
            return true;
    return false;
}

/* Of the directory of the package, without the "src" that holds its code. */
static int directory_score(char *directory, const char *service, const char *dockerfile_text)
{
    int score = WORD_SCORE * words_in(directory, service);
    for (const char *at = directory; *at != '\0'; at++)
        score -= *at == '/';
    size_t len = strlen(directory);
    if (len > 4 && strcmp(directory + len - 4, "/src") == 0)
        directory[len - 4] = '\0';
    const char *name = path_name(directory);
    if (name[0] != '\0' && strcmp(name, "src") != 0 && dockerfile_text != NULL &&
        strstr(dockerfile_text, name) != NULL)
        score += MENTION_SCORE;
    return score;
}

int recognise_score(const char *path, const char *service, const char *dockerfile_text)
{
    int score = 0;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strcmp(path_name(path), beginnings[i].name) == 0)
            score = beginnings[i].score;
    char *directory = mem_printf("/%s", path);
    if (score > 0 && is_beside_the_code(directory))
        score = 0;
    *strrchr(directory, '/') = '\0';
    if (score > 0) {
        score += directory_score(directory, service, dockerfile_text);
        score = score > 1 ? score : 1; /* however deep it lies */
    }
    free(directory);
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
    if (score > search->best_score ||
        (score > 0 && score == search->best_score && strcmp(path, search->best) < 0)) {
        search->best_score = score;
        mem_replace(&search->best, path);
    }
    return 0;
}

static bool is_there(const char *context, const char *path)
{
    char *whole = path_join(context, path);
    struct stat st;
    bool there = lstat(whole, &st) == 0 && S_ISREG(st.st_mode);
    free(whole);
    return there;
}

/* "deep/down" becomes "deep", then "", then NULL. The caller begins with a file's
 * path, and frees what it gets last. */
static char *upwards(char *directory)
{
    char *slash = directory[0] != '\0' ? strrchr(directory, '/') : NULL;
    if (slash == NULL && directory[0] == '\0') {
        free(directory);
        return NULL;
    }
    *(slash != NULL ? slash : directory) = '\0';
    return directory;
}

static char *beside(const char *directory, const char *name)
{
    return mem_printf("%s%s%s", directory, directory[0] != '\0' ? "/" : "", name);
}

static char *find_manifest(const char *context, const char *code)
{
    char *found = NULL, *at = mem_printf("%s.", code);
    while ((at = upwards(at)) != NULL)
        for (size_t i = 0; i < sizeof manifests / sizeof manifests[0]; i++) {
            char *path = beside(at, manifests[i]);
            if ((found == NULL || i == 0) && is_there(context, path))
                mem_replace(&found, path);
            free(path);
        }
    return found;
}

/* ------------------------------------------------------------------ for cargo */

/* NULL: it can't be read. */
static char *read_text(const char *context, const char *path)
{
    char *whole = path_join(context, path);
    struct buf text = {0};
    int code = fs_read_path(whole, FILE_MAX_BYTES, &text, NULL);
    free(whole);
    if (code == 0)
        return buf_take(&text);
    buf_done(&text);
    return NULL;
}

char *cargo_package_name(const char *text)
{
    const char *table = strncmp(text, "[package]", 9) == 0 ? text : strstr(text, "\n[package]");
    const char *name = table != NULL ? strstr(table, "\nname") : NULL;
    const char *end = table != NULL ? strstr(table + 1, "\n[") : NULL;
    if (name == NULL || (end != NULL && name > end))
        return NULL;
    name += strcspn(name + 1, "\"\n") + 1;
    return *name == '"' ? mem_strndup(name + 1, strcspn(name + 1, "\"\n")) : NULL;
}

/* Finds the one package of this name and returns the start of its table. NULL: none, or
 * more than one, has the name. */
static const char *find_package(const char *text, const char *name)
{
    char *line = mem_printf("\nname = \"%s\"\n", name);
    const char *found = strstr(text, line);
    if (found != NULL && strstr(found + 1, line) != NULL)
        found = NULL;
    free(line);
    return found;
}

/* Within the table that begins at `table`, from *at on: the next name in
 * "dependencies", a list of lines such as ` "http 1.0.0",`. The caller frees it. */
static char *next_need(const char *table, const char **at)
{
    const char *end = strstr(table, "\n[["), *line = strstr(*at, "\n \"");
    if (line == NULL || (end != NULL && line > end))
        return NULL;
    *at = line + 3;
    return mem_strndup(*at, strcspn(*at, " \"\n"));
}

static size_t count_needs(const char *table)
{
    size_t len = 0;
    const char *at = table;
    for (char *need; (need = next_need(table, &at)) != NULL; len++)
        free(need);
    return len;
}

static bool is_from_registry(const char *table)
{
    const char *end = strstr(table, "\n[["), *source = strstr(table, "\nsource = \"");
    return source != NULL && (end == NULL || source < end) &&
           (strncmp(source + 11, "registry+", 9) == 0 || strncmp(source + 11, "sparse+", 7) == 0);
}

char *lockfile_choose(const char *text, const char *package)
{
    const char *own = find_package(text, package), *at = own;
    char *best = NULL;
    size_t best_needs = 0;
    for (char *name; own != NULL && (name = next_need(own, &at)) != NULL; free(name)) {
        const char *table = find_package(text, name);
        if (table == NULL || !is_from_registry(table))
            continue;
        size_t needs = count_needs(table);
        if (best == NULL || needs > best_needs || (needs == best_needs && strcmp(name, best) < 0)) {
            mem_replace(&best, name);
            best_needs = needs;
        }
    }
    return best;
}

/* One of the package that the code belongs to. */
static void find_dependency(struct bench_source *source, const char *code)
{
    char *package = NULL, *at = mem_strdup(code);
    while ((at = upwards(at)) != NULL) {
        char *path = beside(at, "Cargo.toml");
        char *text = package == NULL ? read_text(source->context, path) : NULL;
        if (text != NULL)
            package = cargo_package_name(text);
        free(text);
        free(path);
    }
    char *directory = upwards(mem_strdup(source->dependency_file));
    char *lock = beside(directory, "Cargo.lock");
    char *text = package != NULL ? read_text(source->context, lock) : NULL;
    if (text != NULL)
        source->dependency = lockfile_choose(text, package);
    free(text);
    free(lock);
    free(directory);
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

static int untold(const char *service, const struct bench_source *source, const char *what,
                  const char *option, struct err *err)
{
    return err_set(err, ERR_USAGE, "%s: which file of %s %s can't be told: %s FILE", service,
                   source->context, what, option);
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
    mem_replace(&search.best, source->code_file);
    if (search.best == NULL)
        code = context_walk(source->context, source->dockerfile, look_at, &search, err);
    if (code == 0 && want_code && search.best == NULL)
        code = untold(service, source, "is its code", "--change-code", err);
    if (code == 0 && want_dependencies && source->dependency_file == NULL) {
        source->dependency_file =
            find_manifest(source->context, search.best != NULL ? search.best : "");
        if (source->dependency_file == NULL)
            code = untold(service, source, "lists its dependencies", "--change-deps", err);
    }
    if (code == 0 && want_dependencies && search.best != NULL &&
        strcmp(path_name(source->dependency_file), "Cargo.toml") == 0)
        find_dependency(source, search.best);
    if (code == 0 && want_code)
        mem_replace(&source->code_file, search.best);
    free(search.best);
    return code;
}
