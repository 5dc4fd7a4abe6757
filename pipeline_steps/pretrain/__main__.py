"""PID 1 of a PretrainJob's pod: python -m pipeline_steps.pretrain."""

from pipeline_steps import launch

if __name__ == "__main__":
    launch.main("pipeline_steps.pretrain.train")
