namespace OrleansTempo.Harness;

/// <summary>A test that fills a disk; skipped, with the reason, where no small one can be mounted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    public SmallDiskFactAttribute() => Skip = SmallDisk.Missing;
}
