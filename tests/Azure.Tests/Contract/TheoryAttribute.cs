using OrleansTempo.Azure.Tests;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>As <see cref="FactAttribute"/>, for what <c>[Theory]</c> means.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TheoryAttribute : Xunit.TheoryAttribute
{
    public TheoryAttribute() => Skip = AzuriteProcess.Missing;
}
