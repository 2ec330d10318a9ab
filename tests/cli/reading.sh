# What the tools' output tells of a build, read without any of bilge's code, and
# what bilge says of it: both as lines "state<TAB>milliseconds<TAB>name", one
# for each step, sorted. The time is "-" where the output tells none. Sourced
# after tests/cli/lib.sh.
# shellcheck shell=sh disable=SC2154

# reading_of FORMAT FAILED FILE...: the streams of one build. FAILED (yes or
# no) says what a step that never ended is: called off, or done.
reading_of() {
    format=$1 failed=$2
    shift 2
    "reading_of_$format" "$@" |
        awk -F '\t' -v OFS='\t' -v failed="$failed" '
            $1 == "unfinished" { $1 = failed == "yes" ? "cancelled" : "done"; $2 = "-" }
            { print }' | LC_ALL=C sort
}

reading_of_rawjson() { cat "$@" | "$(dirname "$json")/reading"; }

# "#5 [api 2/3] RUN x", "#5 CACHED", "#5 DONE 1.2s". Compose 1 counts each
# service from 1.
reading_of_plain() {
    cat "$@" | tr -d '\r' | awk -v OFS='\t' '
        /^Building [^ ]+$/ { base = last }
        !/^#[1-9][0-9]* ./ { next }
        {
            number = base + substr($1, 2)
            rest = substr($0, length($1) + 2)
            if (number > last)
                last = number
            if (!(number in name)) {
                name[number] = rest
                state[number] = "unfinished"
            } else if (rest == "CACHED") {
                state[number] = "cached"
                took[number] = 0
            } else if (rest ~ /^DONE [0-9.]+s$/) {
                state[number] = "done"
                took[number] = int(substr($3, 1, length($3) - 1) * 1000 + 0.5)
            } else if (rest == "CANCELED" || rest ~ /^ERROR/) {
                state[number] = rest == "CANCELED" ? "cancelled" : "failed"
                took[number] = "-"
            }
        }
        END { for (number in name) print state[number], number in took ? took[number] : "-", name[number] }'
}

# "Step 3/9 : RUN x", " ---> Using cache", " ---> 6eb3c86b0b8b". It tells no
# times; the step that a failed service ends with is the one that failed.
reading_of_legacy() {
    cat "$@" | tr -d '\r' | awk -v OFS='\t' '
        function over(how) { if (state == "running") state = how }
        function tell() { if (name != "") { over("failed"); print state, "-", name } }
        /^Step [0-9]+\/[0-9]+ : / {
            if ($2 !~ /^1\//)
                over("done")
            tell()
            name = $0
            sub(/^Step [0-9]+\/[0-9]+ : /, "", name)
            state = "running"
        }
        /^ ---> Using cache$/ { over("cached") }
        /^ ---> [0-9a-f]+$/ && length($2) == 12 { over("done") }
        END { tell() }'
}

# reading_of_bilge FORMAT: of the JSON object of "bilge build" in $tmp/out.
reading_of_bilge() {
    "$json" each steps state duration_ms name <"$tmp/out" |
        awk -F '\t' -v OFS='\t' -v format="$1" '
            format == "legacy" || (format == "plain" && $1 != "done" && $1 != "cached") { $2 = "-" }
            $2 == "-" || $1 == "cancelled" && format == "rawjson" { $2 = "-" }
            { print }' | LC_ALL=C sort
}

# agree FORMAT FAILED FILE...: and there is something to agree on.
agree() {
    reading_of "$@" | awk -F '\t' -v OFS='\t' -v format="$1" '
        $1 == "cancelled" && format == "rawjson" { $2 = "-" } { print }' >"$tmp/engine.reading"
    reading_of_bilge "$1" >"$tmp/bilge.reading"
    [ -s "$tmp/engine.reading" ] && diff "$tmp/engine.reading" "$tmp/bilge.reading"
}
# Steps of the Dockerfile that were work and came from the cache.
cached_steps() {
    awk -F '\t' '$1 == "cached" && $3 ~ /^\[.*[0-9]+\/[0-9]+\] / && $3 !~ /\] FROM / { count++ }
        END { print count + 0 }' "$tmp/engine.reading"
}
