#include "core/build/dockerfile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/build/plain_line.h"

#define LINES_AROUND 2
#define LINES_MOST 40     /* of an instruction */
#define LINE_MAX_BYTES 400

/* ---------------------------------------------------------------- reading */

/* Lines of a Dockerfile, one instruction at a time. */
struct reader {
    const char *text, *end;
    int line;    /* of the next one to be read, from 1 */
    char escape; /* '\\', or '`' when the first lines say so */
    struct buf words; /* of the instruction: runs of blanks are one space */
    int first, last;
};

static struct span next_line(struct reader *reader)
{
    const char *newline = memchr(reader->text, '\n', (size_t)(reader->end - reader->text));
    const char *stop = newline != NULL ? newline : reader->end;
    struct span line = {reader->text, (size_t)(stop - reader->text)};
    reader->text = newline != NULL ? newline + 1 : reader->end;
    reader->line++;
    return line;
}

static struct span trim(struct span line)
{
    while (line.len > 0 && isspace((unsigned char)line.text[0])) {
        line.text++;
        line.len--;
    }
    while (line.len > 0 && isspace((unsigned char)line.text[line.len - 1]))
        line.len--;
    return line;
}

static void add_words(struct buf *words, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char byte = isspace((unsigned char)text[i]) ? ' ' : text[i];
        bool again = byte == ' ' && (words->len == 0 || words->data[words->len - 1] == ' ');
        if (!again)
            buf_append(words, &byte, 1);
    }
}

static void end_words(struct buf *words)
{
    if (words->len > 0 && words->data[words->len - 1] == ' ')
        words->len--;
    buf_append(words, "", 1);
    words->len--;
}

/* "# escape=`", which only the first lines may say. */
static void read_directive(struct reader *reader, struct span line)
{
    struct span rest = trim((struct span){line.text + 1, line.len - 1});
    if (reader->words.len == 0 && rest.len == 8 && strncasecmp(rest.text, "escape=", 7) == 0)
        reader->escape = rest.text[7];
}

/* The lines of a here-document belong to the instruction that began it. */
static void skip_here_document(struct reader *reader)
{
    const char *at = strstr(reader->words.data, "<<");
    if (at == NULL || (strncasecmp(reader->words.data, "RUN", 3) != 0 &&
                       strncasecmp(reader->words.data, "COPY", 4) != 0))
        return;
    at += 2 + (at[2] == '-');
    at += *at == '"' || *at == '\'';
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_')
        len++;
    for (const char *before = reader->text; len > 0 && before < reader->end;
         before = reader->text) {
        struct span line = trim(next_line(reader));
        reader->last = reader->line - 1;
        if (line.len == len && memcmp(line.text, at, len) == 0)
            return;
    }
}

/* The next instruction; false: there is none any more. */
static bool next_instruction(struct reader *reader)
{
    bool goes_on = false;
    buf_clear(&reader->words);
    while (reader->text < reader->end) {
        int number = reader->line;
        struct span line = next_line(reader), bare = trim(line);
        if (bare.len == 0 || bare.text[0] == '#') {
            if (bare.len > 0)
                read_directive(reader, bare);
            continue; /* within an instruction, too */
        }
        if (!goes_on)
            reader->first = number;
        reader->last = number;
        goes_on = bare.text[bare.len - 1] == reader->escape;
        size_t len = goes_on ? bare.len - 1 : bare.len;
        add_words(&reader->words, line.text, (size_t)(bare.text - line.text) + len);
        if (!goes_on)
            break;
    }
    end_words(&reader->words);
    if (reader->words.len > 0)
        skip_here_document(reader);
    return reader->words.len > 0;
}

/* ---------------------------------------------------------------- finding */

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
    struct reader reader = {.text = text, .end = text + len, .line = 1, .escape = '\\'};
    struct buf sought = {0};
    char stage[128] = "", keyword[16];
    int stages = 0, index = 0, best = 0;
    add_words(&sought, wish->instruction, strlen(wish->instruction));
    end_words(&sought);
    snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(sought.data, " "), sought.data);
    while (next_instruction(&reader)) {
        const char *words = reader.words.data;
        if (is_word(words, "FROM")) {
            name_stage(stage, sizeof stage, words, stages++);
            index = 1;
        } else if (is_counted(words)) {
            index++;
        }
        bool same_stage = wish->stage == NULL || strcasecmp(wish->stage, stage) == 0;
        bool same_place = same_stage && wish->index > 0 && wish->index == index;
        int score = 4 * same_words(words, sought.data) + 2 * same_stage + same_place;
        /* Variables have been replaced in the name: then the place alone tells. */
        if (score <= best || !is_word(words, keyword) || score < 3)
            continue;
        best = score;
        *ret_first = reader.first;
        *ret_last = reader.last;
    }
    buf_done(&sought);
    buf_done(&reader.words);
    return best > 0;
}

/* ----------------------------------------------------------------- making */

char *dockerfile_excerpt(const char *text, size_t len, int first, int last)
{
    struct reader reader = {.text = text, .end = text + len, .line = 1};
    struct buf out = {0};
    if (last - first >= LINES_MOST)
        last = first + LINES_MOST - 1;
    while (reader.text < reader.end && reader.line <= last + LINES_AROUND) {
        int number = reader.line;
        struct span line = next_line(&reader);
        if (line.len > 0 && line.text[line.len - 1] == '\r')
            line.len--;
        if (number < first - LINES_AROUND)
            continue;
        buf_printf(&out, "%s%4d | %s ", out.len > 0 ? "\n" : "", number,
                   number >= first && number <= last ? ">>>" : "   ");
        text_clean(&out, line.text, line.len < LINE_MAX_BYTES ? line.len : LINE_MAX_BYTES);
    }
    if (first >= 1 && first < reader.line)
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
