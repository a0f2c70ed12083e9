#!/usr/bin/env bash
# What a GPU machine without network needs for `python -m benchmarks.gpu`, in parcels of 50 MiB, which leaves 14 of 64 to the checkout.
#   bash benchmarks/gpu_bundle.sh DATA WORK [MOBILENET_V2]
# DATA holds scenes/ and objects/, each with train_256.tar and val_256.tar; MOBILENET_V2: torchvision's ImageNet weights.
# In the parcels are wheels for Python 3.12 (all but torch and NumPy, or those that WHEELS names, where that machine has
# the others), the photographs as shards at 160 pixels, and the weights. Copy the checkout and WORK/parcel.?? there, then:
#   cat parcel.?? | tar x && bash benchmarks/gpu/setup.sh wheels
#   python3 -m benchmarks.gpu --out DIR --shards 'shards/*-train-*.tar' --validation 'shards/*-val.tar' --mobilenet mobilenet_v2.pth
set -euo pipefail
(($# == 2 || $# == 3)) || { sed -n '2,9s/^# //p' "$0" >&2; exit 2; }
data=$1 work=$2 mobilenet=${3:-}
default='filelock jinja2 lazy-loader lpips matplotlib numba opencv-python-headless pandas pillow psutil pyarrow pycocotools
  pydantic pyyaml requests safetensors scikit-image scipy segment-anything simplejpeg tensorboard timm
  torchvision tqdm webdataset'
mkdir -p "$work/shards" "$work/wheels"

# shellcheck disable=SC2086  # lists of words
python3.12 -m pip wheel --quiet -c constraints.txt -w "$work/wheels" ${WHEELS-$default}
rm -f "$work"/wheels/{torch-,numpy-,nvidia_,cuda_,triton-,setuptools-}*

for set in scenes objects; do
  [[ -f $work/shards/$set-val.tar ]] && continue
  for shard in {0..13}; do
    ccc shard "$data/$set/train_256.tar" -o "$work/shards/$set-train-$shard.tar" --shard "$shard" --of 14 \
      --seed 0 --size 160 --map-size 40
  done
  ccc shard "$data/$set/val_256.tar" -o "$work/shards/$set-val.tar" --size 160 --map-size 40
done
[[ -z $mobilenet ]] || cp "$mobilenet" "$work/mobilenet_v2.pth"
rm -f "$work"/parcel.*
(cd "$work" && tar c wheels shards $(ls mobilenet_v2.pth 2>/dev/null)) | split -b 50M - "$work/parcel."
ls -l "$work"/parcel.*
