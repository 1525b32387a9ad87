# A folder as players get it: what reached the bucket is opened by the unpackers
# that people use, and each finds the same tree. Sourced by run.

# big_tree makes a folder that has everything that packers stumble over.
big_tree() {
  local tree=$1 i
  mkdir -p "$tree/Data/many" "$tree/Saved/empty" "$tree/数据/海 洋" "$tree/emoji 🐟"
  cp "$builds/windows/car-publish.exe" "$tree/Ocean.exe"
  echo 'the ocean' >"$tree/数据/海 洋/鱼.txt"
  echo 'a fish' >"$tree/emoji 🐟/fish & chips (1).txt"
  : >"$tree/Data/empty.dat"
  head -c 30000000 /dev/urandom >"$tree/Data/noise.pak"
  truncate -s 5G "$tree/Data/sparse.pak" # larger than a zip without zip64 can say
  for i in $(seq 0 699); do
    mkdir "$tree/Data/many/$i"
  done
  # 70,000 members: more than a zip without zip64 can count.
  python3 - "$tree/Data/many" <<'PYTHON'
import sys
for i in range(70_000):
    with open(f"{sys.argv[1]}/{i // 100}/file {i}.txt", "w") as f:
        f.write(f"file {i}\n" * (i % 50))
PYTHON
}

# same NAME TREE: what an unpacker made of the archive is the tree.
same() {
  diff -r "$work/folder/tree" "$2" >"$work/folder/differs" 2>&1 || { head "$work/folder/differs" >&2; die "$1 does not find the same tree"; }
  rm -rf "$2"
  say "$1 finds the same tree"
}

folder() {
  local dir=$work/folder archive
  mkdir -p "$dir/bucket" "$dir/again"
  say 'making a folder of 70,000 files and 5 GiB'
  big_tree "$dir/tree"
  publish_folder() {
    "$work/carsim" -start-path Ocean.exe -processing 100ms -keep "$1" -- "$work/car-publish" --application-id app-desktop --artifact "$dir/tree" --artifact-name ocean.zip >"$dir/log" 2>&1 ||
      { cat "$dir/log" >&2; die 'the folder was not published'; }
  }
  go build -o "$work/car-publish" .
  publish_folder "$dir/bucket"
  grep -E 'folder of|Uploaded|packed from' "$dir/log"
  archive=$(ls "$dir"/bucket/*.zip)

  say 'the same files give the same bytes'
  publish_folder "$dir/again"
  cmp "$archive" "$dir"/again/*.zip || die 'the second archive differs'
  rm -r "$dir/again"

  (mkdir "$dir/x" && cd "$dir/x" && unzip -q "$archive") || die 'unzip'
  same unzip "$dir/x"
  7zz x -bd -bso0 "-o$dir/x" "$archive" || die '7zz'
  same 7zz "$dir/x"
  (mkdir "$dir/x" && cd "$dir/x" && bsdtar -xf "$archive") || die 'bsdtar'
  same bsdtar "$dir/x"
  python3 -m zipfile -e "$archive" "$dir/x" || die 'python'
  same 'python' "$dir/x"
  (mkdir "$dir/x" && cd "$dir/x" && jar -xf "$archive") || die 'jar'
  same jar "$dir/x"
  7zz t -bd "$archive" >"$dir/log" || { cat "$dir/log"; die '7zz t'; }
  ! grep -i warning "$dir/log" || die '7zz warns'
  rm -r "$dir"
}
