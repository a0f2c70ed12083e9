#!/usr/bin/env bash
# What a GPU machine without network needs for `python -m benchmarks.gpu`, in parcels of 50 MiB, which leaves 14 of 64 to the checkout.
#   bash benchmarks/gpu_bundle.sh DATA WORK [MOBILENET_V2]
# DATA holds scenes/ and objects/, each with train_256.tar and val_256.tar; MOBILENET_V2: torchvision's ImageNet weights.
# In the parcels are wheels for Python 3.12 (all but torch and NumPy, or those that WHEELS names, where that machine has
# the others), the photographs as shards at 160 pixels, and the weights. Sources that benchmarks/gpu/ablations.sh keeps
# out to choose the decoding have shards of their own (*-held-*). Copy the checkout and WORK/parcel.?? there, then:
#   cat parcel.?? | tar x && bash benchmarks/gpu/setup.sh wheels
#   python3 -m benchmarks.gpu --out DIR --shards 'shards/*-[mh]*.tar' --validation 'shards/*-val.tar' --mobilenet mobilenet_v2.pth
set -euo pipefail
(($# == 2 || $# == 3)) || { sed -n '2,10s/^# //p' "$0" >&2; exit 2; }
data=$1 work=$2 mobilenet=${3:-}
default='filelock jinja2 lazy-loader lpips matplotlib numba opencv-python-headless pandas pillow psutil pyarrow pycocotools
  pydantic pyyaml requests safetensors scikit-image scipy segment-anything simplejpeg tensorboard timm
  torchvision tqdm webdataset'
mkdir -p "$work/shards" "$work/wheels"

# shellcheck disable=SC2086  # lists of words
python3.12 -m pip wheel --quiet -c constraints.txt -w "$work/wheels" ${WHEELS-$default}
rm -f "$work"/wheels/{torch-,numpy-,nvidia_,cuda_,triton-,setuptools-}*

held_scenes='bsds caltech101 kodak mcm'
held_objects='flickr8k imagenette'
for set in scenes objects; do
  [[ -f $work/shards/$set-val.tar ]] && continue
  train=$data/$set/train_256.tar
  held=held_$set
  others=$(tar tf "$train" | awk -F/ 'NF > 3 {print $3}' | sort -u | grep -vxF "${!held// /$'\n'}")
  # shellcheck disable=SC2086
  {
    ccc index "$train" -o "$work/$set-main.parquet" --seed 0 --classes $others
    ccc index "$train" -o "$work/$set-held.parquet" --seed 0 --classes ${!held}
  }
  for part in main:12 held:2; do
    name=$set-${part%:*} of=${part#*:}
    for ((shard = 0; shard < of; shard++)); do
      ccc shard "$train" --index "$work/$name.parquet" -o "$work/shards/$name-$shard.tar" --shard $shard --of "$of" \
        --size 160 --map-size 40
    done
  done
  ccc shard "$data/$set/val_256.tar" -o "$work/shards/$set-val.tar" --size 160 --map-size 40
done
[[ -z $mobilenet ]] || cp "$mobilenet" "$work/mobilenet_v2.pth"
rm -f "$work"/parcel.*
(cd "$work" && tar c wheels shards $(ls mobilenet_v2.pth 2>/dev/null)) | split -b 50M - "$work/parcel."
ls -l "$work"/parcel.*
