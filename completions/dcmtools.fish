# fish completion of dcmtools

function _dcmtools_completion
    type -q dcmtools; or return
    set -l line (commandline -cp | string collect)
    for answer in (_DCMTOOLS_COMPLETE=fish_complete COMP_WORDS=$line dcmtools 2>/dev/null)
        set -l fields (string split \t -- $answer)
        set -l parts (string match -r '^(--[^=]*=|)(.*)$' -- (commandline -ct))
        switch $fields[1]
            case plain
                echo $fields[2]\t$fields[3]
            case file
                printf '%s\n' $parts[2](__fish_complete_path $parts[3])
            case dir
                printf '%s\n' $parts[2](__fish_complete_directories $parts[3])
        end
    end
end

complete --no-files --command dcmtools --arguments "(_dcmtools_completion)"
