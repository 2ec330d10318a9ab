#include "core/builds/progress/remarks.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/progress/span.h"

#define EXCERPT_MAX_BYTES (16 * 1024)
#define HEADING_MAX_BYTES 1024
#define LINES_MAX 1000000 /* of a Dockerfile */

/* "12" up to the end; 0 when it is something else. */
static int parse_number(const char *text, size_t len)
{
    int number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || number > LINES_MAX)
            return 0;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* ---------------------------------------------------------------- warnings */

/* "… (line 3)": the number, and the text without it. */
static int cut_line_number(const char *text, size_t *len)
{
    static const char mark[] = " (line ";
    const size_t mark_len = sizeof mark - 1;
    size_t at = *len;
    if (at < mark_len + 2 || text[at - 1] != ')')
        return 0;
    while (at > mark_len && text[at - 1] != ' ')
        at--;
    if (at < mark_len || memcmp(text + at - mark_len, mark, mark_len) != 0)
        return 0;
    int line = parse_number(text + at, *len - 1 - at);
    if (line > 0)
        *len = at - mark_len;
    return line;
}

void build_add_warning(struct build *build, int step, const char *text, size_t len, const char *url,
                       const char *file, int line)
{
    struct step *found = step > 0 ? build_step(build, step) : NULL;
    if (found != NULL)
        found->warnings++;
    if (build->warnings_len == WARNINGS_MAX)
        return;
    int told = cut_line_number(text, &len);
    mem_reserve((void **)&build->warnings, &build->warnings_cap, build->warnings_len + 1,
                sizeof *build->warnings);
    struct build_warning *warning = &build->warnings[build->warnings_len++];
    *warning = (struct build_warning){.step = step, .line = line > 0 ? line : told};
    warning->text = mem_strndup(text, len < STEP_TEXT_MAX ? len : STEP_TEXT_MAX);
    mem_replace(&warning->url, url);
    mem_replace(&warning->file, file);
    build->revision++;
}

/* ----------------------------------------------------------------- excerpt */

static void forget(struct excerpt_reader *reader)
{
    build_excerpt_done(&reader->excerpt);
    reader->state = EXCERPT_NONE;
}

/* "Dockerfile:5" */
static void look_for_heading(struct excerpt_reader *reader, const char *line, size_t len)
{
    const char *colon = memrchr(line, ':', len);
    if (colon == NULL || colon == line || len > HEADING_MAX_BYTES)
        return;
    int number = parse_number(colon + 1, (size_t)(line + len - colon) - 1);
    if (number == 0)
        return;
    reader->state = EXCERPT_HEADING;
    reader->excerpt.file = mem_strndup(line, (size_t)(colon - line));
    reader->excerpt.line = number;
}

static void add_line(struct build_excerpt *excerpt, const char *line, size_t len)
{
    size_t have = excerpt->text != NULL ? strlen(excerpt->text) : 0;
    struct buf text = {0};
    if (have + len + 1 > EXCERPT_MAX_BYTES)
        return;
    if (have > 0)
        buf_printf(&text, "%s\n", excerpt->text);
    text_clean(&text, line, len);
    free(excerpt->text);
    excerpt->text = buf_take(&text);
}

static void finish(struct excerpt_reader *reader, struct build *build)
{
    if (build->excerpt.text == NULL && reader->excerpt.text != NULL) {
        build_excerpt_done(&build->excerpt);
        build->excerpt = reader->excerpt;
        reader->excerpt = (struct build_excerpt){0};
        build->revision++;
    }
    forget(reader);
}

bool excerpt_look(struct excerpt_reader *reader, struct build *build, const char *line, size_t len)
{
    len -= len > 0 && line[len - 1] == '\r';
    const struct span span = {line, len};
    bool rule = span_is(span, "--------------------");
    if (len == 0)
        return false;
    if (reader->state == EXCERPT_HEADING && rule) {
        reader->state = EXCERPT_LINES;
        return true;
    }
    if (reader->state == EXCERPT_LINES && rule) {
        finish(reader, build);
        return true;
    }
    if (reader->state == EXCERPT_LINES && build_excerpt_is_line(line, len)) {
        add_line(&reader->excerpt, line, len);
        return true;
    }
    if (reader->state != EXCERPT_NONE)
        forget(reader);
    look_for_heading(reader, line, len);
    return false;
}

void excerpt_done(struct excerpt_reader *reader)
{
    forget(reader);
}

/* The instruction of the first marked line, "   2 | >>> COPY a /a". */
static struct span marked_instruction(const char *text)
{
    static const char mark[] = "| >>> ";
    const char *found = strstr(text, mark);
    if (found == NULL)
        return (struct span){NULL, 0};
    found += sizeof mark - 1;
    struct span line = {found, strcspn(found, "\n")};
    span_cut_end(&line, " \\"); /* it goes on */
    return line;
}

/* Of several failed steps the one that the build's reason names. */
static int find_failed(const struct build *build)
{
    int failed = 0;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if (step->state != STEP_FAILED)
            continue;
        failed = step->number;
        if (step->error != NULL && build->error != NULL && strstr(build->error, step->error))
            break;
    }
    return failed;
}

/* bake calls a step cancelled whose COPY it could not do. */
static int find_marked(const struct build *build)
{
    struct span marked = marked_instruction(build->excerpt.text);
    for (size_t i = 0; i < build->steps_len && marked.len > 0; i++) {
        const struct step *step = &build->steps[i];
        if (!step->internal && step->state != STEP_CACHED && step->state != STEP_DONE &&
            strncmp(step->instruction, marked.text, marked.len) == 0)
            return step->number;
    }
    return 0;
}

void excerpt_settle(struct build *build)
{
    struct build_excerpt *excerpt = &build->excerpt;
    if (excerpt->text == NULL || excerpt->step > 0)
        return;
    excerpt->step = find_failed(build);
    if (excerpt->step == 0)
        excerpt->step = find_marked(build);
}
