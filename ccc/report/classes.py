"""The page on CNR: its part from true classes, and pictures where it rises without them."""

from collections.abc import Sequence

from ccc.report.results import Results

SHARES = {"precision": "cnr_precision", "recall": "cnr_recall"}
SHARES |= {f"{name}_pixels": f"{metric}_pixels" for name, metric in SHARES.items()}


def true_classes(results: Results, dataset: str, names: Sequence[str], examples: int = 2) -> dict:
    """CNR of one dataset in its two parts: with P and T the classes of prediction and truth, |P| / |T| is
    |P and T| / |T|, the recall, plus |P without T| / |T|, picture by picture and in the mean.

    `names`: pictures in the report. Returns `oracle`, the CNR of that reference or None; `rows`, per method `result`,
    `cnr`, `false` (CNR minus recall) and `SHARES` as numbers; and `examples`, the pictures with the largest false part:
    `result`, `name` and the same numbers. Both are empty if CNR or a share is missing.
    """
    mine = results.on(dataset)
    metrics = {"cnr": "cnr"} | SHARES
    columns = {
        key: next((name for result in mine for name in result.named(base)), None) for key, base in metrics.items()
    }
    rows, worst = [], {}
    for result in mine:
        values = {key: value for key, column in columns.items() if (value := result.value(column)) is not None}
        if len(values) < len(columns):
            continue
        rows.append({"result": result, **values, "false": values["cnr"] - values["recall"]})
        if result.is_reference:
            continue
        pictures = results.pictures(result)[list(columns.values())].set_axis(list(columns), axis=1)
        for name, picture in pictures.reindex(names).dropna().assign(false=lambda p: p.cnr - p.recall).iterrows():
            if name not in worst or picture["false"] > worst[name]["false"]:
                worst[name] = {"result": result, "name": name, **picture.to_dict()}
    oracle = next((row["cnr"] for row in rows if row["result"].key == "oracle/plain"), None)
    shown = sorted(worst.values(), key=lambda example: -example["false"])[:examples]
    return {"oracle": oracle, "rows": rows, "examples": shown}
