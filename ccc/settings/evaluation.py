"""Evaluation and report."""

from ccc.settings.base import Section, UserPath, setting


class Weights(Section):
    """Weight files of metrics; null looks where `ccc weights` keeps them."""

    alexnet: UserPath | None = setting(None, "trunk of LPIPS-alex")
    vgg16: UserPath | None = setting(None, "trunk of LPIPS-vgg")
    inception_fid: UserPath | None = setting(None, "Inception of FID and KID")


class Report(Section):
    """The pages."""

    pictures: int = setting(50, "pictures of each benchmark that they show, the first by name", ge=1)
