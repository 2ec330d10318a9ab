#include "core/history/build_kind.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/strlist.h"
#include "core/builds/build.h"

static bool starts(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

static bool copies(const struct history_step *step)
{
    return starts(step->instruction, "COPY") || starts(step->instruction, "ADD");
}

/* From the build context, not from another stage. */
static bool takes_files(const struct history_step *step)
{
    return copies(step) && strstr(step->instruction, "--from=") == NULL;
}

static bool counts(const struct history_step *step)
{
    return step->index > 0 && !starts(step->instruction, "FROM");
}

static bool missed(const struct history_step *step)
{
    return step->state == STEP_DONE || step->state == STEP_FAILED || step->state == STEP_CANCELLED;
}

/* Files that list dependencies, and commands that install them. */
static bool is_about_dependencies(const struct history_step *step)
{
    static const char *const files[] = {
        "Cargo.toml",        "Cargo.lock",     "Gemfile",      ".gemspec", "package.json",
        "package-lock.json", "yarn.lock",      "pnpm-lock",    "go.mod",   "go.sum",
        "requirements",      "pyproject.toml", "poetry.lock",  "uv.lock",  "composer.json",
        "composer.lock",     "pom.xml",        "build.gradle", "mix.exs",  "mix.lock"};
    static const char *const commands[] = {
        "apt-get install", "apt install",    "apk add",         "dnf install",
        "yum install",     "bundle install", "cargo install",   "cargo binstall",
        "cargo chef",      "cargo fetch",    "gem install",     "npm ci",
        "npm install",     "yarn install",   "pnpm install",    "pip install",
        "poetry install",  "uv sync",        "go mod download", "composer install"};
    const char *const *words = copies(step) ? files : commands;
    size_t len =
        copies(step) ? sizeof files / sizeof files[0] : sizeof commands / sizeof commands[0];
    for (size_t i = 0; i < len; i++)
        if (strstr(step->instruction, words[i]) != NULL)
            return true;
    return false;
}

static bool was_there(const struct history_step *step, const struct history_build *before)
{
    for (size_t i = 0; i < before->steps_len; i++)
        if (strcmp(before->steps[i].instruction, step->instruction) == 0)
            return true;
    return false;
}

/* The base image as its FROM names it, with its digest. */
static const struct history_step *changed_base(const struct history_build *build,
                                               const struct history_build *before)
{
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct history_step *step = &build->steps[i];
        if (step->index > 0 && starts(step->instruction, "FROM") && !was_there(step, before))
            return step;
    }
    return NULL;
}

/* Names from "NAME=hash" lines of one build that have another hash, or none, in
 * the other: "PROFILE", "A and B". */
static void add_changed_args(struct strlist *names, const char *args, const char *other)
{
    for (size_t len; *args != '\0'; args += len + (args[len] == '\n')) {
        len = strcspn(args, "\n");
        char *line = mem_printf("\n%.*s\n", (int)len, args);
        char *lines = mem_printf("\n%s\n", other);
        char *name = mem_strndup(args, strcspn(args, "="));
        bool known = strstr(lines, line) != NULL;
        for (size_t i = 0; i < names->len && !known; i++)
            known = strcmp(names->items[i], name) == 0;
        if (!known)
            strlist_add(names, name);
        free(name);
        free(lines);
        free(line);
    }
}

static char *changed_args(const struct history_build *build, const struct history_build *before)
{
    struct strlist names = {0};
    struct buf text = {0};
    if (build->args == NULL || before->args == NULL)
        return NULL;
    add_changed_args(&names, build->args, before->args);
    add_changed_args(&names, before->args, build->args);
    for (size_t i = 0; i < names.len && i < 3; i++)
        buf_printf(&text, "%s%.100s", i == 0 ? "ARG " : " and ", names.items[i]);
    if (names.len > 3)
        buf_printf(&text, " and %zu more", names.len - 3);
    char *told = names.len > 0 ? buf_take(&text) : NULL;
    buf_done(&text);
    strlist_done(&names);
    return told;
}

static char *guess(const struct history_build *build, const struct history_step *miss,
                   const struct history_build *before)
{
    const struct history_step *base = before != NULL ? changed_base(build, before) : NULL;
    bool is_new = before != NULL && !was_there(miss, before);
    char *args = before != NULL ? changed_args(build, before) : NULL, *why;
    if (base != NULL)
        why = mem_printf("the base image changed: %.200s", base->instruction);
    else if (args != NULL && (is_new || !takes_files(miss)))
        why = mem_printf("%s changed", args);
    else if (is_new)
        why = mem_strdup("the instruction is new, or its text changed");
    else if (takes_files(miss))
        why = mem_printf("what it copies changed: %.200s", miss->instruction);
    else if (starts(miss->instruction, "RUN"))
        why = mem_strdup("an ARG or a mount that it uses changed, or its cache was not there");
    else
        why = mem_strdup("an ARG changed, or its cache was not there");
    free(args);
    return why;
}

/* What did not wait for the other had its own reason. */
static bool is_independent(const struct history_step *step, const struct history_step *other)
{
    return step->start_ms >= 0 && other->start_ms >= 0 &&
           step->start_ms < other->start_ms + other->duration_ms;
}

/* Steps come in the order in which they began, so that the first that missed is
 * always a reason, never an effect. Stages run side by side: files that changed
 * tell more than a RUN of another stage. */
static bool tells_more(const struct history_step *step, const struct history_step *miss)
{
    return miss == NULL || (takes_files(step) && !takes_files(miss) && is_independent(step, miss));
}

void build_kind_fill(struct history_build *build, const struct history_build *before)
{
    const struct history_step *miss = NULL;
    size_t cached = 0, all = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct history_step *step = &build->steps[i];
        if (!counts(step))
            continue;
        cached += step->state == STEP_CACHED;
        all += step->state == STEP_CACHED || missed(step);
        if (missed(step) && tells_more(step, miss))
            miss = step;
    }
    if (all == 0)
        return;
    mem_replace(&build->kind, miss == NULL                  ? "nothing changed"
                              : cached == 0                 ? "from scratch"
                              : is_about_dependencies(miss) ? "dependencies changed"
                                                            : "code changed");
    if (miss == NULL)
        return;
    mem_replace(&build->first_miss, miss->instruction);
    free(build->why);
    build->why = cached == 0 && before == NULL ? mem_strdup("there was no cache")
                                               : guess(build, miss, before);
}
