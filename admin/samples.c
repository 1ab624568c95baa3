/* Prometheus' text format: HELP and TYPE lines, labels, samples. metrics.c decides what is written.
 */
#include "admin/samples.h"

#include <inttypes.h>

void sample_head(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP silogate_%s %s\n# TYPE silogate_%s %s\n", name, help, name, type);
}

void sample_label(FILE *to, const char *before, const char *name, struct text value)
{
    fprintf(to, "%s%s=\"", before, name);
    while (value.length > 0) {
        size_t length = text_character(value);
        struct text character = {value.at, length > 0 ? length : 1};
        value.at += character.length;
        value.length -= character.length;
        if (length == 0 || text_is_unfit(character))
            fputs("\xef\xbf\xbd", to);
        else if (character.at[0] == '"' || character.at[0] == '\\')
            fprintf(to, "\\%c", character.at[0]);
        else
            fwrite(character.at, 1, length, to);
    }
    putc('"', to);
}

void sample_one(FILE *to, const char *name, const char *type, const char *help, uint64_t value)
{
    sample_head(to, name, type, help);
    fprintf(to, "silogate_%s %" PRIu64 "\n", name, value);
}

void sample_family(FILE *to, const char *name, const char *type, const char *label,
                   const char *help, const struct sample *samples, size_t count)
{
    sample_head(to, name, type, help);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "silogate_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, samples[i].word,
                samples[i].value);
}
