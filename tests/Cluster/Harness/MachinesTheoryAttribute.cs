namespace OrleansTempo.Cluster.Harness;

/// <summary>A test of silos on machines of their own, with either store; skipped, with the reason, where such machines or what else it takes cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MachinesTheoryAttribute : TheoryAttribute
{
    /// <param name="takesPreviousBuild">Whether it takes the build before this one, too.</param>
    public MachinesTheoryAttribute(bool takesPreviousBuild = false) => Skip =
        Enum.GetValues<StoreKind>().Select(MachineCluster.MissingFor).FirstOrDefault(static missing => missing is not null) ?? (takesPreviousBuild ? PreviousBuild.Missing : null);
}
