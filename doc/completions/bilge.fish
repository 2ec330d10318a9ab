# Completion of bilge for fish.

function __bilge_services
    docker compose config --services 2>/dev/null
end

set -l commands status du prune dedupe verify restore doctor build history bench guard settings
set -l types 'regular source.local exec.cachemount frontend internal source.git.checkout'
set -l none "not __fish_seen_subcommand_from $commands"

complete -c bilge -f
complete -c bilge -n $none -a status -d "Show services, builders' totals and disks"
complete -c bilge -n $none -a du -d "List the records of a builder's build cache"
complete -c bilge -n $none -a prune -d 'Delete caches and records'
complete -c bilge -n $none -a dedupe -d 'Hard-link identical blobs of several caches'
complete -c bilge -n $none -a verify -d 'Check that every blob is there and whole'
complete -c bilge -n $none -a restore -d 'Point a cache back at an earlier generation'
complete -c bilge -n $none -a history -d 'List the builds that bilge ran'
complete -c bilge -n $none -a bench -d 'Measure the original build against the optimised one'
complete -c bilge -n $none -a doctor -d 'Check machine, builders and caches'
complete -c bilge -n $none -a build -d 'Build services of the compose project'
complete -c bilge -n $none -a guard -d 'Prune whenever a disk has too little free space'
complete -c bilge -n $none -a settings -d 'Show what can be settled in a file, and what is'

complete -c bilge -l cache-root -r -a '(__fish_complete_directories)' -d 'Directory of the caches'
complete -c bilge -s f -l file -r -F -d 'Compose file of the project'
complete -c bilge -l context -x -a "(docker context ls --format '{{.Name}}' 2>/dev/null)" -d 'Docker context'
complete -c bilge -l builder -x -a "(docker buildx ls --format '{{.Name}}' 2>/dev/null)" -d 'Builder'
complete -c bilge -l config -r -F -d 'Settings file'
complete -c bilge -l json -d 'Print one JSON object on stdout'
complete -c bilge -l no-color -d 'No colours'
complete -c bilge -l timeout -x -d 'Wait so long for an engine or a builder'
complete -c bilge -l read-only -d 'Refuse whatever changes something'
complete -c bilge -l ascii -d 'The screen in plain ASCII'
complete -c bilge -l no-mouse -d 'The screen leaves the mouse alone'
complete -c bilge -s h -l help -d 'Show help'
complete -c bilge -s V -l version -d 'Show the version'

set -l listed '__fish_seen_subcommand_from du prune'
complete -c bilge -n $listed -l service -x -a '(__bilge_services)' -d 'Of this service'
complete -c bilge -n $listed -l older-than -x -a '24h 7d 2w' -d 'Exported or last used longer ago'
complete -c bilge -n $listed -l larger-than -x -a '100MB 1GB 10GB' -d 'Of a size over this'
complete -c bilge -n $listed -l smaller-than -x -a '100MB 1GB 10GB' -d 'Of a size under this'
complete -c bilge -n $listed -l type -x -a $types -d 'Records of this type'
complete -c bilge -n $listed -l match -x -d 'Records whose description matches'
complete -c bilge -n $listed -l text -x -d 'Records with this text'
complete -c bilge -n $listed -l in-use -x -a 'yes no' -d 'Records that are in use, or are not'
complete -c bilge -n $listed -l shared -x -a 'yes no' -d 'Records that an image shares, or none does'
complete -c bilge -n $listed -l id -x -d 'This record, generation or blob'

set -l du '__fish_seen_subcommand_from du'
complete -c bilge -n $du -l sort -x -a 'size used created uses type id' -d 'Order'

set -l prune '__fish_seen_subcommand_from prune'
complete -c bilge -n $prune -l garbage -d 'What the live generation does not reach'
complete -c bilge -n $prune -l keep-generations -x -d 'Older generations but the newest N'
complete -c bilge -n $prune -l records -d "The builder's records"
complete -c bilge -n $prune -l guesses -d "Records that only a text says are the service's"
complete -c bilge -n $prune -l others -d 'Records of the service that others need'
complete -c bilge -n $prune -l free -x -a '1GB 5GB 10GB 50GB' -d 'The cheapest that gives back so much'
complete -c bilge -n $prune -l live -d 'Whole current caches of this project, too'
complete -c bilge -n $prune -l abandoned-after -x -a '7d 30d' -d 'When a cache that no project names is abandoned'
complete -c bilge -n $prune -l all -d 'Every cache directory and every record'
complete -c bilge -n $prune -l dry-run -d 'Show the plan, delete nothing'
complete -c bilge -n $prune -s y -l yes -d 'Delete without asking'
complete -c bilge -n $prune -l wait -d 'Wait until busy caches are free'
complete -c bilge -n $prune -l now -d 'Delete from busy caches too'

set -l build '__fish_seen_subcommand_from build'
complete -c bilge -n $build -l no-cache -d 'Run every step anew'
complete -c bilge -n $build -l cache -d 'Use the cache, whatever the settings say'
complete -c bilge -n $build -l pull -d 'Look for newer base images'
complete -c bilge -n $build -l no-pull -d 'Take the base images that are there'
complete -c bilge -n $build -l profile -x -d 'Profile of the compose project'
complete -c bilge -n $build -l build-arg -x -d 'Set a build argument'
complete -c bilge -n $build -l traditional -d 'Build without BuildKit'
complete -c bilge -n $build -l notify -d "Ring the terminal's bell at the end"
complete -c bilge -n $build -l fallback -d "Go the traditional way when the other can't work here"
complete -c bilge -n $build -a '(__bilge_services)' -d Service

set -l bench '__fish_seen_subcommand_from bench'
complete -c bilge -n $bench -l original -r -F -d 'Compose file of the original build'
complete -c bilge -n $bench -l optimised -r -F -d 'Compose file of the optimised build'
complete -c bilge -n $bench -l runs -x -d 'How often each is measured'
complete -c bilge -n $bench -l scenario -x -a 'first no-change code dependencies' -d 'Only this one'
complete -c bilge -n $bench -l change-code -x -d 'The file that a code change touches'
complete -c bilge -n $bench -l change-deps -x -d 'The file that a dependency change touches'
complete -c bilge -n $bench -l dry-run -d 'Show what would be done, build nothing'
complete -c bilge -n $bench -s y -l yes -d 'Measure without asking'
complete -c bilge -n $bench -a '(__bilge_services)' -d Service

set -l guard '__fish_seen_subcommand_from guard'
complete -c bilge -n $guard -l keep-free -x -a '1GB 5GB 10GB 50GB' -d 'So much is to stay free'
complete -c bilge -n $guard -l interval -x -a '1m 5m 1h' -d 'Look so often'
complete -c bilge -n $guard -l older-than -x -a '24h 7d 2w' -d 'Take only what is older'
complete -c bilge -n $guard -l live -d 'Current caches of this project may go, too'
complete -c bilge -n $guard -l abandoned-after -x -a '7d 30d' -d 'When a cache that no project names is abandoned'
complete -c bilge -n $guard -l once -d 'Look once and end'

set -l dedupe '__fish_seen_subcommand_from dedupe'
complete -c bilge -n $dedupe -l dry-run -d 'Show what is duplicated, change nothing'
complete -c bilge -n $dedupe -s y -l yes -d 'Link without asking'
complete -c bilge -n $dedupe -l across-users -d 'Link copies of different users, too'

set -l verify '__fish_seen_subcommand_from verify'
complete -c bilge -n $verify -a '(__bilge_services)'
complete -c bilge -n $verify -l repair -d 'Make a valid, smaller cache of a broken one'
complete -c bilge -n $verify -s y -l yes -d 'Repair without asking'

set -l restore '__fish_seen_subcommand_from restore'
complete -c bilge -n $restore -a '(__bilge_services)'
complete -c bilge -n $restore -l generation -x -d 'Digest of its manifest'

set -l history '__fish_seen_subcommand_from history'
complete -c bilge -n $history -a '(__bilge_services)'
complete -c bilge -n $history -l compare -d 'Compare two builds, given by their ids'
complete -c bilge -n $history -l limit -x -d 'The newest N builds'
complete -c bilge -n $history -l csv -d 'As a CSV table'
complete -c bilge -n $history -l own -d 'Only builds that bilge ran: docker is not asked for others'
