namespace OrleansTempo.Azure.Tests;

/// <summary>A test against a real Azurite; skipped, with the reason, if there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AzuriteFactAttribute : FactAttribute
{
    public AzuriteFactAttribute() => Skip = AzuriteProcess.Missing;
}
