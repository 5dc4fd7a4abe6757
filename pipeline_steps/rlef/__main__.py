"""PID 1 of an RLEFJob's pod: python -m pipeline_steps.rlef."""

from pipeline_steps import launch

if __name__ == "__main__":
    launch.main("pipeline_steps.rlef.train")
