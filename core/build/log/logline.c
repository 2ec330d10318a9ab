#include "core/build/log/buildlog.h"

static size_t skip_digits(const char *text, size_t len, size_t at)
{
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

void buildlog_strip_line(struct buildlog_line *line)
{
    const char *text = line->text;
    size_t len = line->len;
    if (len < 4 || text[0] != '#')
        return;
    size_t number = skip_digits(text, len, 1);
    if (number == 1 || number >= len || text[number] != ' ')
        return;
    size_t whole = skip_digits(text, len, number + 1);
    if (whole == number + 1 || whole >= len || text[whole] != '.')
        return;
    size_t fraction = skip_digits(text, len, whole + 1);
    if (fraction == whole + 1 || (fraction < len && text[fraction] != ' '))
        return;
    size_t cut = fraction < len ? fraction + 1 : len;
    line->text += cut;
    line->len -= cut;
}
