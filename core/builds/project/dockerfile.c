#include "core/builds/project/dockerfile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"

#define LINES_AROUND 2
#define LINES_MOST 40 /* of an instruction */
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

#define BLANKS " \t\v\f\r"

struct piece {
    const char *text;
    size_t len;
};

static bool is_blank(char c)
{
    return c != '\0' && strchr(BLANKS, c) != NULL;
}

void dockerfile_lines_init(struct dockerfile_lines *lines, const char *text, size_t len)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of byte order */
    *lines = (struct dockerfile_lines){.at = text, .end = text + len, .escape = '\\'};
    if (len >= 3 && memcmp(text, mark, 3) == 0)
        lines->at += 3;
}

/* One line of the file, without its end. False: there are no more. */
static bool take_line(struct dockerfile_lines *lines, struct piece *ret_piece)
{
    if (lines->at == lines->end)
        return false;
    const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    const char *stop = newline != NULL ? newline : lines->end;
    *ret_piece = (struct piece){lines->at, (size_t)(stop - lines->at)};
    lines->at = newline != NULL ? newline + 1 : lines->end;
    lines->taken++;
    while (ret_piece->len > 0 && ret_piece->text[ret_piece->len - 1] == '\r')
        ret_piece->len--;
    return true;
}

static struct piece trim_left(struct piece piece)
{
    while (piece.len > 0 && is_blank(*piece.text)) {
        piece.text++;
        piece.len--;
    }
    return piece;
}

static bool is_comment(struct piece piece)
{
    piece = trim_left(piece);
    return piece.len > 0 && *piece.text == '#';
}

/* "# escape=`" */
static void read_directive(struct dockerfile_lines *lines, struct piece piece)
{
    char *text = mem_strndup(piece.text, piece.len);
    char name[16], value[4];
    if (sscanf(text, " # %15[a-zA-Z] = %3s", name, value) != 2)
        lines->begun = true;
    else if (strcasecmp(name, "escape") == 0 && strlen(value) == 1 &&
             (*value == '\\' || *value == '`'))
        lines->escape = *value;
    free(text);
}

/* Does it go on in the next line? Then without the mark of that. */
static bool goes_on(const struct dockerfile_lines *lines, struct piece *piece)
{
    size_t len = piece->len;
    while (len > 0 && (piece->text[len - 1] == ' ' || piece->text[len - 1] == '\t'))
        len--;
    if (len == 0 || piece->text[len - 1] != lines->escape ||
        (len > 1 && piece->text[len - 2] == lines->escape))
        return false;
    piece->len = len - 1;
    return true;
}

/* Comments and empty lines within a continued line are left out. */
static void join_lines(struct dockerfile_lines *lines, struct piece piece, struct buf *joined)
{
    bool more = goes_on(lines, &piece);
    buf_append(joined, piece.text, piece.len);
    while (more && take_line(lines, &piece)) {
        if (is_comment(piece) || trim_left(piece).len == 0)
            continue;
        more = goes_on(lines, &piece);
        buf_append(joined, piece.text, piece.len);
    }
}

/* ---------------------------------------------------------------- heredocs */

/* "<<EOF", "3<<-'EOF'"; without its quotes. */
static bool read_mark(const char *word, struct dockerfile_heredoc *ret_heredoc)
{
    word += strspn(word, "0123456789");
    if (strncmp(word, "<<", 2) != 0)
        return false;
    word += 2;
    bool chomp = *word == '-';
    word += chomp;
    if (*word == '\0' || strchr(word, '<') != NULL)
        return false;
    *ret_heredoc = (struct dockerfile_heredoc){.name = mem_strdup(word), .chomp = chomp};
    return true;
}

static void read_heredoc(struct dockerfile_lines *lines, struct dockerfile_heredoc *heredoc)
{
    struct piece piece;
    buf_append_str(&heredoc->text, "");
    while (take_line(lines, &piece)) {
        struct piece name = piece;
        while (heredoc->chomp && name.len > 0 && *name.text == '\t') {
            name.text++;
            name.len--;
        }
        if (name.len == strlen(heredoc->name) && memcmp(name.text, heredoc->name, name.len) == 0)
            return;
        buf_append(&heredoc->text, piece.text, piece.len);
        buf_append_str(&heredoc->text, "\n");
    }
}

static bool takes_heredocs(const char *keyword)
{
    return strcmp(keyword, "RUN") == 0 || strcmp(keyword, "COPY") == 0 ||
           strcmp(keyword, "ADD") == 0;
}

static void read_heredocs(struct dockerfile_lines *lines, struct dockerfile_line *line)
{
    const char *at = line->rest;
    char *word;
    while (line->heredocs_len < DOCKERFILE_HEREDOCS_MAX &&
           (word = dockerfile_word(&at, lines->escape)) != NULL) {
        if (read_mark(word, &line->heredocs[line->heredocs_len]))
            line->heredocs_len++;
        free(word);
    }
    for (size_t i = 0; i < line->heredocs_len; i++)
        read_heredoc(lines, &line->heredocs[i]);
}

/* ------------------------------------------------------------ instructions */

static void split(const char *joined, struct dockerfile_line *ret_line)
{
    joined += strspn(joined, BLANKS);
    size_t len = strcspn(joined, BLANKS);
    ret_line->keyword = mem_strndup(joined, len);
    for (char *at = ret_line->keyword; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    joined += len + strspn(joined + len, BLANKS);
    len = strlen(joined);
    while (len > 0 && is_blank(joined[len - 1]))
        len--;
    ret_line->rest = mem_strndup(joined, len);
}

bool dockerfile_lines_next(struct dockerfile_lines *lines, struct dockerfile_line *ret_line)
{
    struct piece piece;
    while (take_line(lines, &piece)) {
        if (is_comment(piece) && !lines->begun)
            read_directive(lines, piece);
        if (is_comment(piece) || trim_left(piece).len == 0)
            continue;
        struct buf joined = {0};
        int first = lines->taken;
        lines->begun = true;
        join_lines(lines, piece, &joined);
        buf_append_str(&joined, "");
        *ret_line = (struct dockerfile_line){.first = first};
        split(joined.data, ret_line);
        buf_done(&joined);
        if (takes_heredocs(ret_line->keyword))
            read_heredocs(lines, ret_line);
        ret_line->last = lines->taken;
        return true;
    }
    return false;
}

void dockerfile_line_done(struct dockerfile_line *line)
{
    for (size_t i = 0; i < line->heredocs_len; i++) {
        free(line->heredocs[i].name);
        buf_done(&line->heredocs[i].text);
    }
    free(line->keyword);
    free(line->rest);
    *line = (struct dockerfile_line){0};
}

char *dockerfile_word(const char **at, char escape)
{
    struct buf word = {0};
    const char *from = *at + strspn(*at, BLANKS);
    char quote = '\0';
    if (*from == '\0')
        return NULL;
    for (; *from != '\0' && (quote != '\0' || !is_blank(*from)); from++) {
        if (*from == quote)
            quote = '\0';
        else if (quote == '\0' && (*from == '"' || *from == '\''))
            quote = *from;
        else if (*from == escape && quote != '\'' && from[1] != '\0')
            buf_append(&word, ++from, 1);
        else
            buf_append(&word, from, 1);
    }
    *at = from;
    return buf_take(&word);
}
