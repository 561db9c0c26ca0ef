#!/bin/sh
# A SLURM of one node on loopback, without systemd and control groups: slurm.sh start|stop FOLDER
# Everything it writes lies in FOLDER, with links to its settings in /etc/slurm, where sbatch and the others look.
# Needed, as root on Debian or Ubuntu: apt install slurm-wlm munge
set -e
folder="$(realpath "$2")"
node="$(hostname)"

start() {
    if [ -e /etc/slurm/slurm.conf ]; then
        echo "this machine has a SLURM: /etc/slurm/slurm.conf is there" >&2
        exit 1
    fi
    mkdir -p /etc/slurm
    mkdir -p "$folder/state" "$folder/spool"
    (umask 277 && head -c 32 /dev/urandom > "$folder/munge.key")
    cat > "$folder/slurm.conf" << EOF
ClusterName=loopback
SlurmctldHost=$node(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
PropagateResourceLimits=NONE
ReturnToService=2
MinJobAge=7200
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=1 RealMemory=16000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
    echo "CgroupPlugin=cgroup/v1" > "$folder/cgroup.conf"
    ln -s "$folder/slurm.conf" "$folder/cgroup.conf" /etc/slurm
    munged --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
    slurmctld
    nice -n 5 slurmd
    for _ in $(seq 30); do
        sinfo --noheader --states=idle --format=%T 2> /dev/null | grep -q idle && return
        sleep 1
    done
    echo "the node did not come up; see $folder/slurmctld.log and slurmd.log" >&2
    exit 1
}

stop() {
    for program in slurmd slurmctld munged; do
        [ ! -f "$folder/$program.pid" ] || kill "$(cat "$folder/$program.pid")" || true
    done
    for name in slurm.conf cgroup.conf; do
        [ "$(readlink "/etc/slurm/$name")" != "$folder/$name" ] || rm "/etc/slurm/$name"
    done
}

"$1"
