# Completion of bilge for bash.

_bilge_services() {
    docker compose config --services 2>/dev/null
}

_bilge() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='status du prune dedupe verify restore doctor build history bench guard settings' command='' i
    local options='--cache-root --file --context --builder --timeout --config --json --no-color --read-only
        --ascii --no-mouse --help --version'
    local conditions='--service --older-than --larger-than --smaller-than --type --match --text
        --in-use --shared --id'

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --cache-root | --file | -f | --context | --builder | --config) ((i++)) ;;
        status | du | prune | dedupe | verify | restore | doctor | build | history | bench | \
            guard | settings)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case $before in
    --cache-root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --file | -f | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --context)
        mapfile -t COMPREPLY < <(compgen -W \
            "$(docker context ls --format '{{.Name}}' 2>/dev/null)" -- "$word")
        return
        ;;
    --builder)
        mapfile -t COMPREPLY < <(compgen -W \
            "$(docker buildx ls --format '{{.Name}}' 2>/dev/null)" -- "$word")
        return
        ;;
    --service)
        mapfile -t COMPREPLY < <(compgen -W "$(_bilge_services)" -- "$word")
        return
        ;;
    --type)
        mapfile -t COMPREPLY < <(compgen -W 'regular source.local exec.cachemount frontend
            internal source.git.checkout' -- "$word")
        return
        ;;
    --sort)
        mapfile -t COMPREPLY < <(compgen -W 'size used created uses type id' -- "$word")
        return
        ;;
    --original | --optimised)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --scenario)
        mapfile -t COMPREPLY < <(compgen -W 'first no-change code dependencies' -- "$word")
        return
        ;;
    --older-than | --interval | --abandoned-after)
        mapfile -t COMPREPLY < <(compgen -W '5m 24h 7d 2w' -- "$word")
        return
        ;;
    --in-use | --shared)
        mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$word")
        return
        ;;
    --free | --keep-free | --larger-than | --smaller-than)
        mapfile -t COMPREPLY < <(compgen -W '1GB 5GB 10GB 50GB' -- "$word")
        return
        ;;
    --keep-generations | --id | --generation | --build-arg | --profile | --limit | --runs) return ;;
    --change-code | --change-deps | --match | --text) return ;;
    esac

    case $command in
    '') options+=" $commands" ;;
    du) options+=" $conditions --sort" ;;
    prune)
        options+=" $conditions --garbage --keep-generations --records --guesses --others --free
            --live --abandoned-after --all --dry-run --yes --wait --now"
        ;;
    guard) options+=' --keep-free --interval --older-than --live --abandoned-after --once' ;;
    dedupe) options+=' --dry-run --yes --across-users' ;;
    verify)
        options+=' --repair --yes'
        [[ $word == -* ]] || options="$(_bilge_services)"
        ;;
    restore)
        options+=' --generation'
        [[ $word == -* ]] || options="$(_bilge_services)"
        ;;
    history)
        options+=' --compare --limit --csv --own'
        [[ $word == -* ]] || options="$(_bilge_services)"
        ;;
    bench)
        options+=' --original --optimised --runs --scenario --change-code --change-deps --dry-run
            --yes'
        [[ $word == -* ]] || options="$(_bilge_services)"
        ;;
    build)
        options+=' --no-cache --cache --pull --no-pull --profile --build-arg --traditional --fallback
            --notify'
        [[ $word == -* ]] || options="$(_bilge_services)"
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _bilge bilge
