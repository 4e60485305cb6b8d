using OrleansTempo.Azure.Tests;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>Like <see cref="FactAttribute"/>, for <c>[Theory]</c>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TheoryAttribute : Xunit.TheoryAttribute
{
    public TheoryAttribute() => Skip = AzuriteProcess.Missing;
}
