using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class DirectorySyncTests
{
    [Fact]
    public void A_directory_can_be_flushed_and_a_missing_one_is_named()
    {
        var directory = Directory.CreateTempSubdirectory("wal-ä");
        DirectorySync.Flush(directory.FullName);
        directory.Delete();

        if (!OperatingSystem.IsWindows())
        {
            var error = Assert.Throws<IOException>(() => DirectorySync.Flush(directory.FullName));
            Assert.Contains(directory.FullName, error.Message, StringComparison.Ordinal);
        }
    }
}
