/* The instances before each upstream that has an `account`, for /metrics and the dashboard: which
 * ones are alive, and do they agree? Draining instances are about to end, so they are not compared.
 */
#include <inttypes.h>
#include <string.h>

#include "admin/page.h"
#include "admin/samples.h"
#include "base/table.h"

struct agreement {
    unsigned alive;    /* with those that drain */
    unsigned policies; /* number of different policies */
    bool same_number;  /* two instances have the same number */
};

static bool serves(const struct instance *instance, const char *upstream)
{
    return instance_is_alive(instance) && !instance->draining &&
           strcmp(instance->upstream, upstream) == 0;
}

static struct agreement agreement_of(const struct admin_view *view, const char *upstream)
{
    struct agreement found = {0};

    for (size_t i = 0; i < view->instance_count; i++) {
        const struct instance *one = &view->instances[i];
        bool is_new = true;
        found.alive += instance_is_alive(one) && strcmp(one->upstream, upstream) == 0;
        if (!serves(one, upstream))
            continue;
        for (size_t j = 0; j < i; j++) {
            const struct instance *other = &view->instances[j];
            if (!serves(other, upstream))
                continue;
            is_new &= strcmp(one->policy, other->policy) != 0;
            found.same_number |= one->number == other->number;
        }
        found.policies += is_new;
    }
    return found;
}

void samples_put_instances(const struct admin_view *view, FILE *to)
{
    static const struct {
        const char *name, *help;
    } gauges[] = {
        {"meeting_up",            "1 where other instances before the upstream can be met."    },
        {"instances",             "Instances before the upstream that are alive."              },
        {"instances_policies",    "Different policies of those that serve: 1 where they agree."},
        {"instances_same_number", "1 where two have the same [proxy] instance."                },
    };

    for (size_t g = 0; g < COUNT_OF(gauges); g++) {
        sample_head(to, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < view->meeting_count; i++) {
            const struct meeting *met = &view->meetings[i];
            const struct agreement found = agreement_of(view, met->upstream);
            const unsigned values[] = {met->met, found.alive, found.policies, found.same_number};
            if (g > 0 && !met->met) /* nothing is known about the instances */
                continue;
            fprintf(to, "silogate_%s", gauges[g].name);
            sample_label(to, "{", "upstream", text_of(met->upstream));
            fprintf(to, "} %u\n", values[g]);
        }
    }
}

bool page_instances_differ(const struct admin_view *view)
{
    bool differ = false;

    for (size_t i = 0; i < view->meeting_count; i++) {
        const struct agreement found = agreement_of(view, view->meetings[i].upstream);
        differ |= found.policies > 1 || found.same_number;
    }
    return differ;
}

static void put_instance(const struct instance *one, FILE *to)
{
    fputs("<tr><th scope=\"row\">", to);
    table_put_html(text_of(one->name), to);
    fputs(one->self ? " (this one)</th>" : "</th>", to);
    page_words(to, text_of(one->upstream));
    fprintf(to, "<td>%s</td>",
            !instance_is_alive(one) ? "<span class=\"down\">gone</span>"
            : one->draining         ? "draining"
                                    : "serves");
    fputs("<td class=\"id\">", to);
    table_put_html(text_of(one->policy), to);
    fputs("</td>", to);
    page_words(to, text_of(one->version));
    page_number(to, one->number);
    page_number(to, one->sessions);
    fputs("</tr>\n", to);
}

void page_put_instances(const struct admin_view *view, FILE *to)
{
    static const char *const columns[] = {"instance", "upstream", "state",     "policy",
                                          "version",  "#number",  "#sessions", NULL};

    if (view->meeting_count == 0)
        return;
    page_table(to, "instances", "Instances before the same upstreams", columns, false);
    for (size_t i = 0; i < view->instance_count; i++)
        put_instance(&view->instances[i], to);
    page_table_end(to);
    for (size_t i = 0; i < view->meeting_count; i++) {
        if (view->meetings[i].met)
            continue;
        fputs("<p>Other instances before ", to);
        table_put_html(text_of(view->meetings[i].upstream), to);
        fputs(" cannot be met now: ", to);
        table_put_html(text_of(view->meetings[i].why), to);
        fputs("</p>\n", to);
    }
}
