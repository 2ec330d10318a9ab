#include "core/build/dockerfile/dockerfile_lines.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
