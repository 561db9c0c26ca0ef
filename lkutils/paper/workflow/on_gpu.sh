# Run a command on a GPU that no other such job of this machine has: sh on_gpu.sh COMMAND ARGUMENT...
# A scheduler that gives jobs their GPUs has set CUDA_VISIBLE_DEVICES, and is obeyed. The lock ends with the command.
if [ -z "${CUDA_VISIBLE_DEVICES+set}" ]; then
    mkdir -p data/cache/workflow
    for gpu in $(nvidia-smi --query-gpu=index --format=csv,noheader); do
        exec 9> "data/cache/workflow/$(hostname).gpu$gpu.lock"
        if flock --nonblock 9; then
            export CUDA_VISIBLE_DEVICES="$gpu"
            break
        fi
    done
fi
exec "$@"
