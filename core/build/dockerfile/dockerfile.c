#include "core/build/dockerfile/dockerfile.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/build/dockerfile/dockerfile_lines.h"

#define LINES_AROUND 2
#define LINES_MOST 40     /* of an instruction */
#define LINE_MAX_BYTES 400

/* ---------------------------------------------------------------- finding */

/* Runs of blanks are one space. */
static void add_words(struct buf *words, const char *text)
{
    for (; *text != '\0'; text++) {
        char byte = isspace((unsigned char)*text) ? ' ' : *text;
        bool again = byte == ' ' && (words->len == 0 || words->data[words->len - 1] == ' ');
        if (!again)
            buf_append(words, &byte, 1);
    }
    if (words->len > 0 && words->data[words->len - 1] == ' ')
        words->len--;
    buf_append(words, "", 1);
    words->len--;
}

static void words_of_line(struct buf *words, const struct dockerfile_line *line)
{
    buf_clear(words);
    buf_printf(words, "%s ", line->keyword);
    add_words(words, line->rest);
}

static bool is_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncasecmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

/* "FROM x AS builder": the name; else "stage-0". */
static void name_stage(char *out, size_t size, const char *from, int number)
{
    const char *space = strrchr(from, ' ');
    bool named = space != NULL && space - from > 3 && strncasecmp(space - 3, " as", 3) == 0;
    if (named)
        snprintf(out, size, "%s", space + 1);
    else
        snprintf(out, size, "stage-%d", number);
}

/* Does it make a layer, so that BuildKit counts it? */
static bool is_counted(const char *words)
{
    return is_word(words, "RUN") || is_word(words, "COPY") || is_word(words, "ADD") ||
           is_word(words, "WORKDIR");
}

/* Of a here-document a step's name tells only the beginning: "RUN <<EOF (set -e)". */
static bool same_words(const char *words, const char *sought)
{
    const char *space = strchr(sought, ' ');
    size_t keyword = space != NULL ? (size_t)(space - sought) : strlen(sought);
    const char *here = strstr(sought, "<<");
    const char *stop = here != NULL ? strstr(here, " (") : NULL;
    size_t len = stop != NULL ? (size_t)(stop - sought) : strlen(sought);
    return strncasecmp(words, sought, keyword) == 0 && strlen(words) >= len &&
           strncmp(words + keyword, sought + keyword, len - keyword) == 0 &&
           (stop != NULL || words[len] == '\0');
}

bool dockerfile_find(const char *text, size_t len, const struct dockerfile_wish *wish,
                     int *ret_first, int *ret_last)
{
    struct dockerfile_lines lines;
    struct dockerfile_line line;
    struct buf sought = {0}, words = {0};
    char stage[128] = "", keyword[16];
    int stages = 0, index = 0, best = 0;
    add_words(&sought, wish->instruction);
    snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(sought.data, " "), sought.data);
    dockerfile_lines_init(&lines, text, len);
    for (; dockerfile_lines_next(&lines, &line); dockerfile_line_done(&line)) {
        words_of_line(&words, &line);
        if (is_word(words.data, "FROM")) {
            name_stage(stage, sizeof stage, words.data, stages++);
            index = 1;
        } else if (is_counted(words.data)) {
            index++;
        }
        bool same_stage = wish->stage == NULL || strcasecmp(wish->stage, stage) == 0;
        bool same_place = same_stage && wish->index > 0 && wish->index == index;
        int score = 4 * same_words(words.data, sought.data) + 2 * same_stage + same_place;
        /* Variables have been replaced in the name: then the place alone tells. */
        if (score <= best || !is_word(words.data, keyword) || score < 3)
            continue;
        best = score;
        *ret_first = line.first;
        *ret_last = line.last;
    }
    buf_done(&sought);
    buf_done(&words);
    return best > 0;
}

/* ----------------------------------------------------------------- making */

char *dockerfile_excerpt(const char *text, size_t len, int first, int last)
{
    const char *end = text + len;
    struct buf out = {0};
    int number = 1;
    if (last - first >= LINES_MOST)
        last = first + LINES_MOST - 1;
    for (; text < end && number <= last + LINES_AROUND; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline != NULL ? newline : end) - text);
        size_t shown = line > 0 && text[line - 1] == '\r' ? line - 1 : line;
        if (number >= first - LINES_AROUND) {
            buf_printf(&out, "%s%4d | %s ", out.len > 0 ? "\n" : "", number,
                       number >= first && number <= last ? ">>>" : "   ");
            text_clean(&out, text, shown < LINE_MAX_BYTES ? shown : LINE_MAX_BYTES);
        }
        text += line + (newline != NULL);
    }
    if (first >= 1 && first < number)
        return buf_take(&out);
    buf_done(&out);
    return NULL;
}

int dockerfile_error_line(const char *error)
{
    static const char words[] = "dockerfile parse error on line ";
    const char *at = error != NULL ? strstr(error, words) : NULL;
    int line = 0;
    if (at == NULL)
        return 0;
    for (at += sizeof words - 1; isdigit((unsigned char)*at) && line < 1000000; at++)
        line = line * 10 + (*at - '0');
    return line;
}
