#include "core/store/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/build.h"

static bool starts(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

static bool copies(const struct history_step *step)
{
    return starts(step->instruction, "COPY") || starts(step->instruction, "ADD");
}

static bool counts(const struct history_step *step)
{
    return step->index > 0 && !starts(step->instruction, "FROM");
}

static bool missed(const struct history_step *step)
{
    return step->state == STEP_DONE || step->state == STEP_FAILED ||
           step->state == STEP_CANCELLED;
}

/* Files that list dependencies, and commands that install them. */
static bool is_about_dependencies(const struct history_step *step)
{
    static const char *const files[] = {
        "Cargo.toml", "Cargo.lock", "Gemfile", ".gemspec", "package.json", "package-lock.json",
        "yarn.lock", "pnpm-lock", "go.mod", "go.sum", "requirements", "pyproject.toml",
        "poetry.lock", "uv.lock", "composer.json", "composer.lock", "pom.xml", "build.gradle",
        "mix.exs", "mix.lock"};
    static const char *const commands[] = {
        "apt-get install", "apt install", "apk add", "dnf install", "yum install",
        "bundle install", "cargo install", "cargo binstall", "cargo chef", "cargo fetch",
        "gem install", "npm ci", "npm install", "yarn install", "pnpm install", "pip install",
        "poetry install", "uv sync", "go mod download", "composer install"};
    const char *const *words = copies(step) ? files : commands;
    size_t len = copies(step) ? sizeof files / sizeof files[0] : sizeof commands / sizeof commands[0];
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

static char *guess(const struct history_build *build, const struct history_step *miss,
                   const struct history_build *before)
{
    const struct history_step *base = before != NULL ? changed_base(build, before) : NULL;
    if (base != NULL)
        return mem_printf("the base image changed: %.200s", base->instruction);
    if (before != NULL && !was_there(miss, before))
        return mem_strdup("the instruction is new, or its text changed");
    if (copies(miss))
        return mem_printf("what it copies changed: %.200s", miss->instruction);
    if (starts(miss->instruction, "RUN"))
        return mem_strdup("an ARG or a mount that it uses changed, or its cache was not there");
    return mem_strdup("an ARG changed, or its cache was not there");
}

/* Stages run side by side: a COPY that missed tells more than a RUN that
 * stands at the same place in another stage. */
static bool tells_more(const struct history_step *step, const struct history_step *miss)
{
    return miss == NULL || (copies(step) && !copies(miss) && step->index <= miss->index);
}

void verdict_fill(struct history_build *build, const struct history_build *before)
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
