"""PID 1 of an SFTJob's pod: python -m pipeline_steps.sft."""

from pipeline_steps import launch

if __name__ == "__main__":
    launch.main("pipeline_steps.sft.train")
